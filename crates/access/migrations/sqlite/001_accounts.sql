-- Times are microseconds since 1970 UTC, sizes are bytes. What is secret is kept as a SHA-256 of 256 random bits, or, where people
-- choose it, as a password hash.

-- The first component of a repository's name: a person's or an organization's. `library` has the names of one component.
CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- person, organization or library
    kind TEXT NOT NULL,
    display_name TEXT NOT NULL,
    -- of new repositories: public or private
    default_visibility TEXT NOT NULL,
    -- of an organization: whether its members need a second factor
    second_factor INTEGER NOT NULL,
    max_bytes INTEGER,
    max_repositories INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY REFERENCES namespaces (id) ON DELETE CASCADE,
    email TEXT,
    email_confirmed_at INTEGER,
    -- PHC text (argon2id), or bcrypt's from an htpasswd file. None: no password can be right.
    password TEXT,
    administrator INTEGER NOT NULL,
    disabled_at INTEGER,
    -- Since when the provider from which they are known answers for them no longer. Until they log in there again, they are as good as
    -- disabled.
    lapsed_at INTEGER,
    -- What was shown before this time proves nothing: the password was changed, or all logins were ended.
    valid_from INTEGER NOT NULL,
    -- local, ldap, or oidc:<provider>; and who it is there
    source TEXT NOT NULL,
    subject TEXT,
    logged_in_at INTEGER
) STRICT;
CREATE UNIQUE INDEX accounts_by_subject ON accounts (source, subject) WHERE subject IS NOT NULL;
CREATE INDEX accounts_that_govern ON accounts (id) WHERE administrator = 1;
CREATE INDEX accounts_by_email ON accounts (email) WHERE email IS NOT NULL;

CREATE TABLE members (
    organization_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- owner or member
    role TEXT NOT NULL,
    PRIMARY KEY (organization_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE teams (
    id INTEGER PRIMARY KEY,
    organization_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    UNIQUE (organization_id, name)
) STRICT;

-- Somebody can be in a team by hand and through groups elsewhere; each is a row, and goes by itself.
CREATE TABLE team_members (
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    PRIMARY KEY (team_id, account_id, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_members_by_account ON team_members (account_id);

-- Whose members elsewhere are in the team.
CREATE TABLE team_groups (
    team_id INTEGER NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (team_id, source, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_groups_by_name ON team_groups (source, name);

CREATE TABLE robots (
    id INTEGER PRIMARY KEY,
    namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL,
    UNIQUE (namespace_id, name)
) STRICT;

-- A role on the repositories that a pattern matches; the subject is a team, an account or a robot.
CREATE TABLE grants (
    subject TEXT NOT NULL,
    subject_id INTEGER NOT NULL,
    namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (subject, subject_id, pattern)
) STRICT, WITHOUT ROWID;
CREATE INDEX grants_in_namespace ON grants (namespace_id, subject, subject_id);

-- What the rules know of a repository. Its content is in tables of another room, by the same name.
CREATE TABLE repository_settings (
    name TEXT PRIMARY KEY,
    namespace TEXT NOT NULL,
    visibility TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX repository_settings_in_namespace ON repository_settings (namespace, name);

-- Tags that do not move once they are set.
CREATE TABLE immutable_tags (
    namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    repositories TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (namespace_id, repositories, tags)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    -- personal, organization, robot, login, device
    kind TEXT NOT NULL,
    -- the person or organization for whom it acts, or to whom its robot belongs
    namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    robot_id INTEGER REFERENCES robots (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    -- words of pull, push, delete, admin; patterns of repositories, none for all; both with spaces between
    scopes TEXT NOT NULL,
    repositories TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_namespace ON tokens (namespace_id, id);
CREATE INDEX tokens_by_end ON tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tokens_of_robot ON tokens (robot_id, id) WHERE robot_id IS NOT NULL;

-- Links that work once, in letters and for whoever starts the registry. One that is used is removed.
CREATE TABLE links (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    -- set-up, sign-up, confirm, reset, invitation
    kind TEXT NOT NULL,
    -- what it is about, in words of the kind's own: a new link ends the older one about the same
    subject TEXT NOT NULL,
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    -- where it goes, or where its owner is to show that letters arrive
    email TEXT,
    -- of a sign-up: the account to be, and what is kept of its password
    name TEXT,
    password TEXT,
    -- of an invitation: where to, as what, and from whom
    organization_id INTEGER REFERENCES namespaces (id) ON DELETE CASCADE,
    team_id INTEGER REFERENCES teams (id) ON DELETE CASCADE,
    role TEXT,
    inviter TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_of_account ON links (account_id, kind, id) WHERE account_id IS NOT NULL;
CREATE INDEX links_of_organization ON links (organization_id, id) WHERE organization_id IS NOT NULL;
CREATE INDEX links_of_team ON links (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX links_by_end ON links (expires_at);

-- Browsers in which somebody is logged in. A session from before the account's valid_from proves nothing.
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- what they proved it with: link, password, second-factor, recovery-code, provider or passkey
    proof TEXT NOT NULL,
    -- what their provider calls the session there, by which it may end this one
    provider_session TEXT,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_account ON sessions (account_id, id);
CREATE INDEX sessions_of_provider ON sessions (provider_session) WHERE provider_session IS NOT NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- People whose password was right, and who have to show their second factor yet.
CREATE TABLE half_logins (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    tries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX half_logins_of_account ON half_logins (account_id);
CREATE INDEX half_logins_by_end ON half_logins (expires_at);

-- Browsers that are at a provider, for somebody to log in there. One that comes back is removed.
CREATE TABLE departures (
    id TEXT PRIMARY KEY,
    -- of the state that comes back
    hash BLOB NOT NULL UNIQUE,
    -- of the secret in the cookie of the browser that was sent away
    browser BLOB NOT NULL,
    provider TEXT NOT NULL,
    -- what the answer is held against, as JSON
    pending TEXT NOT NULL,
    -- where the browser wants to go then
    next TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX departures_by_end ON departures (expires_at);

-- The last login of somebody at their provider, which is asked again whether it holds.
CREATE TABLE provider_logins (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    -- of the login: what comes of asking about an older one does not count
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    -- what it is asked with. Nobody but us can use it: our own secret there belongs to it. None: it cannot be asked.
    renewal TEXT,
    -- when it last answered for them, and when it is asked next
    checked_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;
CREATE INDEX provider_logins_by_due ON provider_logins (due_at);

-- Programs that wait until somebody logs them in from a browser.
CREATE TABLE devices (
    id TEXT PRIMARY KEY,
    -- of the code with which it asks, and of the one that its user types
    hash BLOB NOT NULL UNIQUE,
    code BLOB NOT NULL UNIQUE,
    -- what it calls itself, and where it says that it runs
    client TEXT NOT NULL,
    label TEXT NOT NULL,
    -- from where it asks
    address TEXT NOT NULL,
    -- what somebody has decided, if they have; who, and when
    allowed INTEGER,
    account_id INTEGER REFERENCES accounts (id) ON DELETE CASCADE,
    decided_at INTEGER,
    -- how long it has to wait between two questions, and until when for the next
    pause INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_of_account ON devices (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX devices_by_end ON devices (expires_at);

-- What makes the codes of somebody's authenticator. It is asked for once it is confirmed.
CREATE TABLE authenticators (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    confirmed_at INTEGER,
    -- the last step whose code was taken: none up to it is taken again
    used_step INTEGER
) STRICT;

-- Keys with which somebody comes in. The other half is on a device of theirs.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- what the device calls it
    credential BLOB NOT NULL UNIQUE,
    -- a key of COSE
    public_key BLOB NOT NULL,
    -- how often it had signed, the last time; 0 if it does not count
    counter INTEGER NOT NULL,
    -- whether it is not on one device alone
    backed_up INTEGER NOT NULL,
    label TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_of_account ON passkeys (account_id, id);

-- What a passkey has to sign, by whoever it was made for. One that is answered is removed.
CREATE TABLE passkey_challenges (
    hash BLOB PRIMARY KEY,
    holder BLOB NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkey_challenges_by_end ON passkey_challenges (expires_at);

-- Codes for whoever has lost it. One that is used is removed.
CREATE TABLE recovery_codes (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (account_id, hash)
) STRICT, WITHOUT ROWID;

-- Jobs that may come in by a token that an OpenID provider signed for them, in place of one of ours.
CREATE TABLE job_rules (
    id TEXT PRIMARY KEY,
    namespace_id INTEGER NOT NULL REFERENCES namespaces (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    -- issuer, audience and conditions, as JSON
    rule TEXT NOT NULL,
    -- as of a token
    scopes TEXT NOT NULL,
    repositories TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX job_rules_of_namespace ON job_rules (namespace_id, id);

-- Keys that sign registry tokens. The youngest whose time has come signs, all of them verify.
CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY,
    private BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    verifies_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    -- a UUID that sorts by time
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    credential TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    allowed INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_actor ON audit (actor, id);
CREATE INDEX audit_by_target ON audit (target, id);

-- Pulls that all processes together have counted for somebody in a window of so many seconds; only of late.
CREATE TABLE rate_counts (
    subject TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    begins_at INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (subject, seconds, begins_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX rate_counts_by_end ON rate_counts (ends_at);

-- One row, from the first change on: a migration adds none, as a database that is moved to has to be empty. Every change of what
-- decides adds one to the generation, and with that ends what processes remember.
CREATE TABLE access_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation INTEGER NOT NULL,
    -- Whether the repositories that were there before there were rules have their settings.
    adopted INTEGER NOT NULL
) STRICT;
