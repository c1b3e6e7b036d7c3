//! The tables of people and rules, and every statement that touches them.
//!
//! ```text
//! namespaces ─┬─ accounts ─┬─ members ── namespaces (organizations)
//!             │            ├─ sessions, half_logins, devices, authenticators, passkeys, recovery_codes, provider_logins
//!             │            └─ team_members ── teams ── team_groups
//!             ├─ teams, robots, grants, immutable_tags
//!             ├─ tokens
//!             └─ links ── teams
//! repository_settings    (by name; the content of repositories is another room's)
//! departures, passkey_challenges, signing_keys, audit, rate_counts, access_state
//! ```

use entrepot_database::{Compatibility, Migration, Room, Table};

/// The tables of this crate.
pub const ROOM: Room = Room {
    name: "access",
    migrations: &[Migration {
        name: "accounts",
        sqlite: include_str!("../migrations/sqlite/001_accounts.sql"),
        postgres: include_str!("../migrations/postgres/001_accounts.sql"),
        compatibility: Compatibility::Additive,
    }],
    tables: &[
        Table { name: "namespaces", key: &["id"] },
        Table { name: "accounts", key: &["id"] },
        Table { name: "members", key: &["organization_id", "account_id"] },
        Table { name: "teams", key: &["id"] },
        Table { name: "team_members", key: &["team_id", "account_id", "source"] },
        Table { name: "team_groups", key: &["team_id", "source", "name"] },
        Table { name: "robots", key: &["id"] },
        Table { name: "grants", key: &["subject", "subject_id", "pattern"] },
        Table { name: "repository_settings", key: &["name"] },
        Table { name: "immutable_tags", key: &["namespace_id", "repositories", "tags"] },
        Table { name: "tokens", key: &["id"] },
        Table { name: "links", key: &["id"] },
        Table { name: "sessions", key: &["id"] },
        Table { name: "half_logins", key: &["id"] },
        Table { name: "departures", key: &["id"] },
        Table { name: "provider_logins", key: &["account_id"] },
        Table { name: "devices", key: &["id"] },
        Table { name: "authenticators", key: &["account_id"] },
        Table { name: "passkeys", key: &["id"] },
        Table { name: "passkey_challenges", key: &["hash"] },
        Table { name: "recovery_codes", key: &["account_id", "hash"] },
        Table { name: "job_rules", key: &["id"] },
        Table { name: "signing_keys", key: &["id"] },
        Table { name: "audit", key: &["id"] },
        Table { name: "rate_counts", key: &["subject", "seconds", "begins_at"] },
        Table { name: "access_state", key: &["id"] },
    ],
};

entrepot_database::statements! {
    GENERATION = "SELECT generation FROM access_state";
    NEXT_GENERATION = "INSERT INTO access_state (id, generation, adopted) VALUES (1, 1, 0)
        ON CONFLICT (id) DO UPDATE SET generation = access_state.generation + 1";
    ADOPTED = "SELECT adopted FROM access_state";
    SET_ADOPTED = "INSERT INTO access_state (id, generation, adopted) VALUES (1, 1, 1)
        ON CONFLICT (id) DO UPDATE SET adopted = 1";

    NAMESPACE = "SELECT id, name, kind, display_name, default_visibility, second_factor, max_bytes, max_repositories, created_at
        FROM namespaces WHERE name = $1";
    ADD_NAMESPACE = "INSERT INTO namespaces (name, kind, display_name, default_visibility, second_factor, created_at)
        VALUES ($1, $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING RETURNING id";
    SET_NAMESPACE_KIND = "UPDATE namespaces SET kind = $1 WHERE id = $2";
    SET_DISPLAY_NAME = "UPDATE namespaces SET display_name = $1 WHERE id = $2";
    SET_DEFAULT_VISIBILITY = "UPDATE namespaces SET default_visibility = $1 WHERE id = $2";
    SET_QUOTA = "UPDATE namespaces SET max_bytes = $1, max_repositories = $2 WHERE id = $3";

    ANY_ACCOUNT = "SELECT 1 FROM accounts LIMIT 1";
    ACCOUNT = "SELECT n.id, n.name, a.email, a.administrator, a.disabled_at, a.source, n.display_name, n.default_visibility,
        n.created_at, a.logged_in_at, a.email_confirmed_at
        FROM namespaces n JOIN accounts a ON a.id = n.id WHERE n.name = $1";
    ACCOUNT_BY_ID = "SELECT n.name, a.administrator, COALESCE(a.disabled_at, a.lapsed_at), a.valid_from
        FROM accounts a JOIN namespaces n ON n.id = a.id WHERE a.id = $1";
    ACCOUNT_BY_SUBJECT = "SELECT a.id, n.name, a.administrator, a.disabled_at, a.valid_from FROM accounts a
        JOIN namespaces n ON n.id = a.id WHERE a.source = $1 AND a.subject = $2";
    PASSWORD = "SELECT a.id, a.password, a.administrator, a.disabled_at, a.source, a.valid_from, t.confirmed_at,
        (SELECT MIN(p.created_at) FROM passkeys p WHERE p.account_id = a.id)
        FROM namespaces n JOIN accounts a ON a.id = n.id LEFT JOIN authenticators t ON t.account_id = a.id WHERE n.name = $1";
    ACCOUNTS = "SELECT n.id, n.name, a.email, a.administrator, a.disabled_at, a.source, n.display_name, n.default_visibility,
        n.created_at, a.logged_in_at, a.email_confirmed_at
        FROM namespaces n JOIN accounts a ON a.id = n.id WHERE n.name > $1 ORDER BY n.name LIMIT $2";
    ADD_ACCOUNT = "INSERT INTO accounts (id, email, password, administrator, source, subject, valid_from)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    SET_PROFILE = "UPDATE accounts SET email = $1, email_confirmed_at = NULL WHERE id = $2 AND email IS DISTINCT FROM $1";
    ACCOUNTS_OF_SOURCE = "SELECT n.name, a.id, a.subject FROM accounts a JOIN namespaces n ON n.id = a.id
        WHERE a.source = $1 AND a.disabled_at IS NULL AND a.subject > $2 ORDER BY a.subject LIMIT $3";
    SET_VOUCHED = "UPDATE accounts SET email = $1, email_confirmed_at = $2, lapsed_at = NULL WHERE id = $3";
    SET_LAPSED = "UPDATE accounts SET lapsed_at = $1 WHERE id = $2";
    LAPSED = "SELECT 1 FROM accounts WHERE id = $1 AND lapsed_at IS NOT NULL";
    SET_PASSWORD = "UPDATE accounts SET password = $1, valid_from = $2 WHERE id = $3";
    SET_EMAIL = "UPDATE accounts SET email = $1, email_confirmed_at = NULL WHERE id = $2";
    SET_ADMINISTRATOR = "UPDATE accounts SET administrator = $1 WHERE id = $2";
    SET_DISABLED = "UPDATE accounts SET disabled_at = $1 WHERE id = $2";
    SET_LOGGED_IN = "UPDATE accounts SET logged_in_at = $1 WHERE id = $2";
    OTHER_ADMINISTRATOR = "SELECT 1 FROM accounts WHERE administrator = 1 AND disabled_at IS NULL AND id <> $1 LIMIT 1";
    ANY_ADMINISTRATOR = "SELECT 1 FROM accounts WHERE administrator = 1 AND disabled_at IS NULL LIMIT 1";
    ACCOUNTS_BY_EMAIL = "SELECT a.id, n.name FROM accounts a JOIN namespaces n ON n.id = a.id
        WHERE a.email = $1 AND a.email_confirmed_at IS NOT NULL AND a.disabled_at IS NULL AND a.source = 'local' LIMIT $2";
    CONFIRM_EMAIL = "UPDATE accounts SET email_confirmed_at = $1 WHERE id = $2 AND email = $3";
    REMOVE_ACCOUNT = "DELETE FROM accounts WHERE id = $1";

    MEMBER = "SELECT role FROM members WHERE organization_id = $1 AND account_id = $2";
    SET_MEMBER = "INSERT INTO members (organization_id, account_id, role) VALUES ($1, $2, $3)
        ON CONFLICT (organization_id, account_id) DO UPDATE SET role = excluded.role";
    REMOVE_MEMBER = "DELETE FROM members WHERE organization_id = $1 AND account_id = $2";
    REMOVE_MEMBER_FROM_TEAMS = "DELETE FROM team_members WHERE account_id = $1
        AND team_id IN (SELECT id FROM teams WHERE organization_id = $2)";
    OTHER_OWNER = "SELECT 1 FROM members WHERE organization_id = $1 AND role = 'owner' AND account_id <> $2 LIMIT 1";
    MEMBERS = "SELECT n.name, m.role FROM members m JOIN namespaces n ON n.id = m.account_id
        WHERE m.organization_id = $1 AND n.name > $2 ORDER BY n.name LIMIT $3";
    ORGANIZATION = "SELECT name, display_name, default_visibility, created_at, second_factor FROM namespaces
        WHERE kind = 'organization' AND name = $1";
    ORGANIZATIONS = "SELECT name, display_name, default_visibility, created_at, second_factor FROM namespaces
        WHERE kind = 'organization' AND name > $1 ORDER BY name LIMIT $2";
    ORGANIZATIONS_OF = "SELECT n.name, n.display_name, n.default_visibility, n.created_at, n.second_factor FROM members m
        JOIN namespaces n ON n.id = m.organization_id WHERE m.account_id = $1 AND n.name > $2 ORDER BY n.name LIMIT $3";

    TEAM = "SELECT id, description FROM teams WHERE organization_id = $1 AND name = $2";
    TEAMS = "SELECT name, description FROM teams WHERE organization_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    ADD_TEAM = "INSERT INTO teams (organization_id, name, description) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING id";
    REMOVE_TEAM = "DELETE FROM teams WHERE id = $1";
    ADD_TEAM_MEMBER = "INSERT INTO team_members (team_id, account_id, source) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    REMOVE_TEAM_MEMBER = "DELETE FROM team_members WHERE team_id = $1 AND account_id = $2 AND source = $3";
    TEAM_MEMBERS = "SELECT n.name, CAST(MAX(CASE WHEN t.source = 'local' THEN 1 ELSE 0 END) AS BIGINT) FROM team_members t
        JOIN namespaces n ON n.id = t.account_id WHERE t.team_id = $1 AND n.name > $2 GROUP BY n.name ORDER BY n.name LIMIT $3";
    /// Of each team between two names so many of its people.
    ROSTERS = "SELECT DISTINCT team, person FROM (SELECT t.name AS team, n.name AS person,
        DENSE_RANK() OVER (PARTITION BY t.id ORDER BY n.name) AS place
        FROM teams t JOIN team_members m ON m.team_id = t.id JOIN namespaces n ON n.id = m.account_id
        WHERE t.organization_id = $1 AND t.name > $2 AND t.name <= $3) found WHERE place <= $4 ORDER BY team, person";
    TEAMS_THROUGH = "SELECT t.team_id FROM team_members t WHERE t.account_id = $1 AND t.source = $2";
    TEAMS_OF_GROUP = "SELECT g.team_id, t.organization_id FROM team_groups g JOIN teams t ON t.id = g.team_id
        WHERE g.source = $1 AND g.name = $2";
    ADD_TEAM_GROUP = "INSERT INTO team_groups (team_id, source, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    REMOVE_TEAM_GROUP = "DELETE FROM team_groups WHERE team_id = $1 AND source = $2 AND name = $3";
    TEAM_GROUPS = "SELECT source, name FROM team_groups WHERE team_id = $1 ORDER BY source, name";

    ROBOT = "SELECT id, description, disabled_at FROM robots WHERE namespace_id = $1 AND name = $2";
    ROBOT_BY_ID = "SELECT r.name, n.name, r.disabled_at, COALESCE(a.disabled_at, a.lapsed_at)
        FROM robots r JOIN namespaces n ON n.id = r.namespace_id
        LEFT JOIN accounts a ON a.id = n.id WHERE r.id = $1";
    ROBOTS = "SELECT name, description, disabled_at FROM robots WHERE namespace_id = $1 AND name > $2 ORDER BY name LIMIT $3";
    ADD_ROBOT = "INSERT INTO robots (namespace_id, name, description, created_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING RETURNING id";
    SET_ROBOT_DISABLED = "UPDATE robots SET disabled_at = $1 WHERE id = $2";
    REMOVE_ROBOT = "DELETE FROM robots WHERE id = $1";
    REMOVE_TOKENS_OF_ROBOT = "DELETE FROM tokens WHERE robot_id = $1";

    SET_GRANT = "INSERT INTO grants (subject, subject_id, namespace_id, pattern, role) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (subject, subject_id, pattern) DO UPDATE SET role = excluded.role";
    REMOVE_GRANT = "DELETE FROM grants WHERE subject = $1 AND subject_id = $2 AND pattern = $3";
    REMOVE_GRANTS_OF_IN = "DELETE FROM grants WHERE namespace_id = $1 AND subject = $2 AND subject_id = $3";
    REMOVE_GRANTS_OF = "DELETE FROM grants WHERE subject = $1 AND subject_id = $2";
    GRANTS_OF_IN = "SELECT pattern, role FROM grants WHERE namespace_id = $1 AND subject = $2 AND subject_id = $3";
    GRANTS_OF_TEAMS = "SELECT t.name, g.pattern, g.role FROM teams t JOIN grants g
        ON g.namespace_id = t.organization_id AND g.subject = 'team' AND g.subject_id = t.id
        WHERE t.organization_id = $1
        AND EXISTS (SELECT 1 FROM team_members m WHERE m.team_id = t.id AND m.account_id = $2) ORDER BY t.name, g.pattern";

    REPOSITORY_SETTINGS = "SELECT visibility FROM repository_settings WHERE name = $1";
    VISIBILITIES = "SELECT name, visibility FROM repository_settings WHERE name >= $1 AND name <= $2 ORDER BY name LIMIT $3";
    REPOSITORY = "SELECT name, visibility, created_by, created_at FROM repository_settings WHERE name = $1";
    ADD_REPOSITORY = "INSERT INTO repository_settings (name, namespace, visibility, created_by, created_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
    SET_VISIBILITY = "UPDATE repository_settings SET visibility = $1 WHERE name = $2";
    REPOSITORIES = "SELECT name, visibility, created_by, created_at FROM repository_settings
        WHERE namespace = $1 AND name > $2 ORDER BY name LIMIT $3";
    COUNT_REPOSITORIES = "SELECT COUNT(*) FROM repository_settings WHERE namespace = $1";

    ADD_IMMUTABLE = "INSERT INTO immutable_tags (namespace_id, repositories, tags) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    REMOVE_IMMUTABLE = "DELETE FROM immutable_tags WHERE namespace_id = $1 AND repositories = $2 AND tags = $3";
    IMMUTABLE = "SELECT repositories, tags FROM immutable_tags WHERE namespace_id = $1 ORDER BY repositories, tags";

    ADD_TOKEN = "INSERT INTO tokens (id, hash, kind, namespace_id, robot_id, label, scopes, repositories, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    TOKEN_BY_HASH = "SELECT t.id, t.kind, t.namespace_id, t.robot_id, t.scopes, t.repositories, t.expires_at, n.name, t.created_at
        FROM tokens t JOIN namespaces n ON n.id = t.namespace_id WHERE t.hash = $1";
    TOKEN_BY_ID = "SELECT t.id, t.kind, t.namespace_id, t.robot_id, t.scopes, t.repositories, t.expires_at, n.name, t.created_at
        FROM tokens t JOIN namespaces n ON n.id = t.namespace_id WHERE t.id = $1";
    TOKENS = "SELECT id, kind, label, scopes, repositories, created_at, expires_at, used_at FROM tokens
        WHERE namespace_id = $1 AND robot_id IS NULL AND id > $2 ORDER BY id LIMIT $3";
    TOKENS_OF_ROBOT = "SELECT id, kind, label, scopes, repositories, created_at, expires_at, used_at FROM tokens
        WHERE robot_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    SET_TOKEN_HASH = "UPDATE tokens SET hash = $1, created_at = $2 WHERE id = $3 AND namespace_id = $4";
    REMOVE_TOKEN = "DELETE FROM tokens WHERE id = $1 AND namespace_id = $2";
    REMOVE_LOGINS = "DELETE FROM tokens WHERE namespace_id = $1 AND kind IN ('login', 'device')";
    REMOVE_PERSONAL_TOKENS = "DELETE FROM tokens WHERE namespace_id = $1 AND kind = 'personal'";
    SET_TOKEN_USED = "UPDATE tokens SET used_at = $1 WHERE id = $2";
    REMOVE_EXPIRED_TOKENS = "DELETE FROM tokens WHERE expires_at < $1";

    SET_LINK = "INSERT INTO links (id, hash, kind, subject, account_id, email, name, password, organization_id, team_id, role, inviter,
        created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT (kind, subject) DO UPDATE SET id = excluded.id, hash = excluded.hash, account_id = excluded.account_id,
        email = excluded.email, name = excluded.name, password = excluded.password, organization_id = excluded.organization_id,
        team_id = excluded.team_id, role = excluded.role, inviter = excluded.inviter, created_at = excluded.created_at,
        expires_at = excluded.expires_at";
    LINK = "SELECT l.id, l.kind, l.account_id, a.name, l.email, l.name, l.password, l.organization_id, o.name, l.team_id, t.name, l.role,
        l.inviter, l.created_at, l.expires_at FROM links l LEFT JOIN namespaces a ON a.id = l.account_id
        LEFT JOIN namespaces o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id WHERE l.hash = $1 AND l.expires_at > $2";
    INVITATION = "SELECT l.id, l.kind, l.account_id, a.name, l.email, l.name, l.password, l.organization_id, o.name, l.team_id, t.name, l.role,
        l.inviter, l.created_at, l.expires_at FROM links l LEFT JOIN namespaces a ON a.id = l.account_id
        LEFT JOIN namespaces o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id
        WHERE l.id = $1 AND l.kind = 'invitation' AND l.expires_at > $2";
    INVITATIONS_TO = "SELECT l.id, l.kind, l.account_id, a.name, l.email, l.name, l.password, l.organization_id, o.name, l.team_id, t.name,
        l.role, l.inviter, l.created_at, l.expires_at FROM links l LEFT JOIN namespaces a ON a.id = l.account_id
        LEFT JOIN namespaces o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id
        WHERE l.organization_id = $1 AND l.id > $2 AND l.expires_at > $3 ORDER BY l.id LIMIT $4";
    INVITATIONS_OF = "SELECT l.id, l.kind, l.account_id, a.name, l.email, l.name, l.password, l.organization_id, o.name, l.team_id, t.name,
        l.role, l.inviter, l.created_at, l.expires_at FROM links l LEFT JOIN namespaces a ON a.id = l.account_id
        LEFT JOIN namespaces o ON o.id = l.organization_id LEFT JOIN teams t ON t.id = l.team_id
        WHERE l.account_id = $1 AND l.kind = 'invitation' AND l.id > $2 AND l.expires_at > $3 ORDER BY l.id LIMIT $4";
    REMOVE_LINK = "DELETE FROM links WHERE id = $1";
    REMOVE_LINKS_OF = "DELETE FROM links WHERE account_id = $1 AND kind = $2";
    REMOVE_INVITATIONS_BY = "DELETE FROM links WHERE organization_id = $1 AND inviter = $2";
    REMOVE_EXPIRED_LINKS = "DELETE FROM links WHERE expires_at < $1";

    ADD_SESSION = "INSERT INTO sessions (id, hash, account_id, proof, address, agent, created_at, seen_at, expires_at, provider_session)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)";
    SESSION_BY_HASH = "SELECT id, account_id, created_at, seen_at, expires_at FROM sessions WHERE hash = $1";
    SESSIONS = "SELECT id, proof, address, agent, created_at, seen_at, expires_at FROM sessions
        WHERE account_id = $1 AND created_at >= $2 AND expires_at > $3 AND seen_at > $4 ORDER BY id DESC LIMIT $5";
    SET_SESSION_SEEN = "UPDATE sessions SET seen_at = $1 WHERE id = $2";
    REMOVE_SESSION = "DELETE FROM sessions WHERE id = $1 AND account_id = $2";
    REMOVE_OTHER_SESSIONS = "DELETE FROM sessions WHERE account_id = $1 AND id <> $2";
    /// Those that began up to a moment: all of an account, those of it of whose session at a provider that did not tell us, or those of
    /// one such session.
    REMOVE_EARLIER_SESSIONS = "DELETE FROM sessions WHERE account_id = $1 AND created_at <= $2";
    REMOVE_EARLIER_SESSIONS_NOT_TOLD_OF = "DELETE FROM sessions
        WHERE account_id = $1 AND created_at <= $2 AND provider_session IS NULL";
    REMOVE_PROVIDER_SESSIONS = "DELETE FROM sessions WHERE provider_session = $1 AND created_at <= $2
        AND EXISTS (SELECT 1 FROM accounts a WHERE a.id = sessions.account_id AND a.source = $3)
        RETURNING account_id, (SELECT n.name FROM namespaces n WHERE n.id = sessions.account_id)";
    REMOVE_SESSIONS = "DELETE FROM sessions WHERE account_id = $1";
    REMOVE_EXPIRED_SESSIONS = "DELETE FROM sessions WHERE expires_at < $1";

    ADD_HALF_LOGIN = "INSERT INTO half_logins (id, hash, account_id, tries, created_at, expires_at) VALUES ($1, $2, $3, 0, $4, $5)";
    TRY_HALF_LOGIN = "UPDATE half_logins SET tries = tries + 1 WHERE hash = $1 AND expires_at > $2 AND tries < $3
        RETURNING account_id, created_at";
    TRIED_HALF_LOGINS = "SELECT CAST(COALESCE(SUM(tries), 0) AS BIGINT) FROM half_logins WHERE account_id = $1 AND expires_at > $2";
    HALF_LOGIN = "SELECT account_id FROM half_logins WHERE hash = $1 AND expires_at > $2";
    REMOVE_HALF_LOGIN = "DELETE FROM half_logins WHERE hash = $1";
    REMOVE_EXPIRED_HALF_LOGINS = "DELETE FROM half_logins WHERE expires_at < $1";

    ADD_DEPARTURE = "INSERT INTO departures (id, hash, browser, provider, pending, next, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    DEPARTURE = "SELECT pending, next FROM departures WHERE hash = $1 AND browser = $2 AND provider = $3 AND expires_at > $4";
    REMOVE_DEPARTURE = "DELETE FROM departures WHERE hash = $1";
    REMOVE_EXPIRED_DEPARTURES = "DELETE FROM departures WHERE expires_at < $1";

    SET_PROVIDER_LOGIN = "INSERT INTO provider_logins (account_id, id, source, renewal, checked_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account_id) DO UPDATE SET id = excluded.id, source = excluded.source, renewal = excluded.renewal,
        checked_at = excluded.checked_at, due_at = excluded.due_at";
    DUE_PROVIDER_LOGINS = "SELECT p.account_id, p.id, p.source, p.renewal, p.checked_at, a.subject, n.name FROM provider_logins p
        JOIN accounts a ON a.id = p.account_id JOIN namespaces n ON n.id = p.account_id
        WHERE p.due_at <= $1 ORDER BY p.due_at LIMIT $2";
    RENEW_PROVIDER_LOGIN = "UPDATE provider_logins SET renewal = $1, checked_at = $2, due_at = $3 WHERE account_id = $4 AND id = $5";
    PUT_OFF_PROVIDER_LOGIN = "UPDATE provider_logins SET due_at = $1, renewal = COALESCE($2, renewal)
        WHERE account_id = $3 AND id = $4";
    REMOVE_PROVIDER_LOGIN = "DELETE FROM provider_logins WHERE account_id = $1 AND id = $2";

    ADD_DEVICE = "INSERT INTO devices (id, hash, code, client, label, address, pause, next_at, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) ON CONFLICT DO NOTHING";
    WAITING_DEVICES = "SELECT COUNT(*) FROM devices WHERE expires_at > $1";
    WAITING_DEVICE = "SELECT client, label, address, created_at, expires_at FROM devices
        WHERE code = $1 AND allowed IS NULL AND expires_at > $2";
    DECIDE_DEVICE = "UPDATE devices SET allowed = $1, account_id = $2, decided_at = $3
        WHERE code = $4 AND allowed IS NULL AND expires_at > $3 RETURNING client, label, address, created_at, expires_at";
    DEVICE = "SELECT client, allowed, pause, next_at, expires_at FROM devices WHERE hash = $1";
    SET_DEVICE_POLLED = "UPDATE devices SET pause = $1, next_at = $2 WHERE hash = $3";
    TAKE_DEVICE = "DELETE FROM devices WHERE hash = $1 AND allowed = 1 AND expires_at > $2
        RETURNING client, label, address, created_at, expires_at, account_id, decided_at";
    REMOVE_EXPIRED_DEVICES = "DELETE FROM devices WHERE expires_at < $1";

    AUTHENTICATOR = "SELECT secret, confirmed_at, used_step FROM authenticators WHERE account_id = $1";
    SET_AUTHENTICATOR = "INSERT INTO authenticators (account_id, secret) VALUES ($1, $2)
        ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret, used_step = NULL WHERE authenticators.confirmed_at IS NULL";
    CONFIRM_AUTHENTICATOR = "UPDATE authenticators SET confirmed_at = $1, used_step = $2 WHERE account_id = $3 AND confirmed_at IS NULL";
    USE_STEP = "UPDATE authenticators SET used_step = $1 WHERE account_id = $2 AND (used_step IS NULL OR used_step < $1)";
    REMOVE_AUTHENTICATOR = "DELETE FROM authenticators WHERE account_id = $1";
    RECOVERY_CODES = "SELECT hash FROM recovery_codes WHERE account_id = $1";
    ADD_RECOVERY_CODE = "INSERT INTO recovery_codes (account_id, hash) VALUES ($1, $2)";
    REMOVE_RECOVERY_CODE = "DELETE FROM recovery_codes WHERE account_id = $1 AND hash = $2";
    REMOVE_RECOVERY_CODES = "DELETE FROM recovery_codes WHERE account_id = $1";
    HAS_AUTHENTICATOR = "SELECT 1 FROM authenticators WHERE account_id = $1 AND confirmed_at IS NOT NULL";
    ASKS_SECOND_FACTOR = "SELECT 1 FROM accounts a WHERE a.id = $1 AND (EXISTS
        (SELECT 1 FROM authenticators t WHERE t.account_id = a.id AND t.confirmed_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM passkeys p WHERE p.account_id = a.id))";
    HAS_SECOND_FACTOR = "SELECT 1 FROM accounts a WHERE a.id = $1 AND (a.source <> 'local' OR EXISTS
        (SELECT 1 FROM authenticators t WHERE t.account_id = a.id AND t.confirmed_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM passkeys p WHERE p.account_id = a.id))";
    SET_SECOND_FACTOR = "UPDATE namespaces SET second_factor = $1 WHERE id = $2";

    PASSKEYS = "SELECT id, label, backed_up, created_at, used_at FROM passkeys WHERE account_id = $1 ORDER BY id";
    PASSKEY_CREDENTIALS = "SELECT credential FROM passkeys WHERE account_id = $1 ORDER BY id";
    PASSKEY = "SELECT p.id, p.account_id, p.public_key FROM passkeys p JOIN accounts a ON a.id = p.account_id
        WHERE p.credential = $1 AND a.source = 'local'";
    ADD_PASSKEY = "INSERT INTO passkeys (id, account_id, credential, public_key, counter, backed_up, label, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    USE_PASSKEY = "UPDATE passkeys SET counter = $1, backed_up = $2, used_at = $3
        WHERE id = $4 AND (counter < $1 OR (counter = 0 AND $1 = 0))";
    REMOVE_PASSKEY = "DELETE FROM passkeys WHERE id = $1 AND account_id = $2";
    REMOVE_PASSKEYS = "DELETE FROM passkeys WHERE account_id = $1";
    ADD_PASSKEY_CHALLENGE = "INSERT INTO passkey_challenges (hash, holder, expires_at) VALUES ($1, $2, $3)";
    TAKE_PASSKEY_CHALLENGE = "DELETE FROM passkey_challenges WHERE hash = $1 AND holder = $2 AND expires_at > $3";
    REMOVE_EXPIRED_PASSKEY_CHALLENGES = "DELETE FROM passkey_challenges WHERE expires_at < $1";

    JOB_RULES = "SELECT j.id, j.label, j.rule, j.scopes, j.repositories, j.created_at FROM job_rules j
        JOIN namespaces n ON n.id = j.namespace_id WHERE n.name = $1 ORDER BY j.id";
    JOB_RULE = "SELECT j.scopes, j.repositories, n.id, n.name FROM job_rules j
        JOIN namespaces n ON n.id = j.namespace_id WHERE j.id = $1";
    ADD_JOB_RULE = "INSERT INTO job_rules (id, namespace_id, label, rule, scopes, repositories, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    REMOVE_JOB_RULE = "DELETE FROM job_rules WHERE id = $1 AND namespace_id = $2";

    SIGNING_KEYS = "SELECT id, private, signs_from, verifies_until FROM signing_keys ORDER BY signs_from, id";
    ADD_SIGNING_KEY = "INSERT INTO signing_keys (id, private, created_at, signs_from) VALUES ($1, $2, $3, $4)";
    END_SIGNING_KEYS = "UPDATE signing_keys SET verifies_until = $1 WHERE id <> $2
        AND (verifies_until IS NULL OR verifies_until > $1)";
    REMOVE_SIGNING_KEYS = "DELETE FROM signing_keys WHERE verifies_until < $1";

    ADD_AUDIT = "INSERT INTO audit (id, at, actor, credential, address, action, target, allowed, detail)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    AUDIT = "SELECT id, at, actor, credential, address, action, target, allowed, detail FROM audit
        WHERE id < $1 AND at >= $2 ORDER BY id DESC LIMIT $3";
    AUDIT_OF_ACTOR = "SELECT id, at, actor, credential, address, action, target, allowed, detail FROM audit
        WHERE actor = $1 AND id < $2 AND at >= $3 ORDER BY id DESC LIMIT $4";
    AUDIT_OF_TARGET = "SELECT id, at, actor, credential, address, action, target, allowed, detail FROM audit
        WHERE target = $1 AND id < $2 AND at >= $3 ORDER BY id DESC LIMIT $4";
    REMOVE_AUDIT = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT $2)";

    /// Any number of rows, as a list of objects in JSON.
    ADD_RATE_COUNTS = sqlite "INSERT INTO rate_counts (subject, seconds, begins_at, counted, ends_at)
        SELECT value ->> 'subject', value ->> 'seconds', value ->> 'begins_at', value ->> 'counted', value ->> 'ends_at'
        FROM json_each($1) WHERE true
        ON CONFLICT (subject, seconds, begins_at) DO UPDATE SET counted = rate_counts.counted + excluded.counted"
        postgres "INSERT INTO rate_counts (subject, seconds, begins_at, counted, ends_at)
        SELECT e ->> 'subject', (e ->> 'seconds')::bigint, (e ->> 'begins_at')::bigint, (e ->> 'counted')::bigint,
        (e ->> 'ends_at')::bigint FROM json_array_elements($1::text::json) e
        ON CONFLICT (subject, seconds, begins_at) DO UPDATE SET counted = rate_counts.counted + excluded.counted";
    RATE_COUNTS = sqlite "SELECT r.subject, r.seconds, r.begins_at, r.counted FROM json_each($1) e CROSS JOIN rate_counts r
        ON r.subject = e.value ->> 'subject' AND r.seconds = e.value ->> 'seconds' AND r.begins_at = e.value ->> 'begins_at'"
        postgres "SELECT r.subject, r.seconds, r.begins_at, r.counted FROM json_array_elements($1::text::json) e
        JOIN rate_counts r ON r.subject = e ->> 'subject' AND r.seconds = (e ->> 'seconds')::bigint
        AND r.begins_at = (e ->> 'begins_at')::bigint";
    REMOVE_RATE_COUNTS = "DELETE FROM rate_counts WHERE (subject, seconds, begins_at) IN
        (SELECT subject, seconds, begins_at FROM rate_counts WHERE ends_at < $1 ORDER BY ends_at LIMIT $2)";
}
