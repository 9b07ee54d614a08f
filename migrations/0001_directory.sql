-- The directory: tenants, apps, their keys and rules; operators; who changed what.
--
-- In the dialect that Postgres and SQLite share: ids are text, times integer milliseconds since 1970,
-- flags 0 or 1, JSON is text, hashes are hexadecimal and sealed secrets base64 text. Every row of a
-- tenant says whose it is, so that no statement needs to trust an app id alone.

CREATE TABLE tenants (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    suspended  BIGINT NOT NULL,
    revision   BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE apps (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant_id       TEXT   NOT NULL REFERENCES tenants (id),
    -- An alias for Pusher's HTTP API, unique in the installation.
    pusher_app_id   TEXT   UNIQUE,
    name            TEXT   NOT NULL,
    enabled         BIGINT NOT NULL,
    allowed_origins TEXT   NOT NULL,
    client_events   BIGINT NOT NULL,
    -- The limits that differ from the defaults.
    limits          TEXT   NOT NULL,
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX apps_of_tenant ON apps (tenant_id);

CREATE TABLE app_keys (
    key            TEXT   NOT NULL PRIMARY KEY,
    tenant_id      TEXT   NOT NULL REFERENCES tenants (id),
    app_id         TEXT   NOT NULL REFERENCES apps (id),
    enabled        BIGINT NOT NULL,
    -- Sealed, at most two.
    pusher_secrets TEXT   NOT NULL,
    created_at     BIGINT NOT NULL
);
CREATE INDEX app_keys_of_app ON app_keys (app_id);

CREATE TABLE api_keys (
    id               TEXT   NOT NULL PRIMARY KEY,
    tenant_id        TEXT   NOT NULL REFERENCES tenants (id),
    app_id           TEXT   NOT NULL REFERENCES apps (id),
    -- Not a foreign key: a child whose parent is gone has fallen with it and says so.
    parent_id        TEXT,
    name             TEXT   NOT NULL,
    hash             TEXT   NOT NULL,
    hash_key_version BIGINT NOT NULL,
    scopes           TEXT   NOT NULL,
    patterns         TEXT   NOT NULL,
    expires_at       BIGINT,
    created_at       BIGINT NOT NULL
);
CREATE INDEX api_keys_of_app ON api_keys (app_id);

CREATE TABLE signing_keys (
    app_id     TEXT   NOT NULL REFERENCES apps (id),
    kid        TEXT   NOT NULL,
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    algorithm  TEXT   NOT NULL,
    generated  BIGINT NOT NULL,
    secret     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (app_id, kid)
);

CREATE TABLE namespaces (
    app_id    TEXT NOT NULL REFERENCES apps (id),
    prefix    TEXT NOT NULL,
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    rule      TEXT NOT NULL,
    PRIMARY KEY (app_id, prefix)
);

CREATE TABLE operator_tokens (
    id               TEXT   NOT NULL PRIMARY KEY,
    name             TEXT   NOT NULL,
    access           TEXT   NOT NULL,
    hash             TEXT   NOT NULL,
    hash_key_version BIGINT NOT NULL,
    expires_at       BIGINT,
    created_at       BIGINT NOT NULL
);

CREATE TABLE audit (
    id        TEXT   NOT NULL PRIMARY KEY,
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    tenant_id TEXT   NOT NULL,
    app_id    TEXT,
    action    TEXT   NOT NULL,
    detail    TEXT   NOT NULL
);
CREATE INDEX audit_of_tenant ON audit (tenant_id, at);
