"""Writes the rings of a Swift with one device into this directory. Arguments: the ports of account, container, object."""
import sys

from swift.common.ring import RingBuilder

for name, port in zip(("account", "container", "object"), sys.argv[1:]):
    # 16 partitions, one replica.
    builder = RingBuilder(4, 1, 1)
    device = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1", "weight": 1, "meta": ""}
    builder.add_dev(device)
    builder.rebalance()
    builder.get_ring().save(name + ".ring.gz")
