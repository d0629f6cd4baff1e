CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    idea TEXT NOT NULL,
    settings TEXT NOT NULL,
    bible TEXT NOT NULL,
    notes TEXT NOT NULL DEFAULT '[]',
    version INTEGER NOT NULL DEFAULT 1,
    created REAL NOT NULL,
    updated REAL NOT NULL
) STRICT;

CREATE TABLE shots (
    id TEXT PRIMARY KEY,
    project TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    fields TEXT NOT NULL,
    seed_locked INTEGER NOT NULL DEFAULT 0,
    approved TEXT REFERENCES takes (id) ON DELETE SET NULL
) STRICT;
CREATE INDEX shots_by_project ON shots (project, position);

CREATE TABLE takes (
    id TEXT PRIMARY KEY,
    shot TEXT NOT NULL REFERENCES shots (id) ON DELETE CASCADE,
    seed INTEGER NOT NULL,
    quality TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    frame TEXT,
    score REAL,
    fingerprint TEXT NOT NULL,
    job TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX takes_by_shot ON takes (shot);
CREATE INDEX takes_by_job ON takes (job);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    wanted TEXT NOT NULL DEFAULT '',
    lane TEXT NOT NULL DEFAULT '',
    priority INTEGER NOT NULL DEFAULT 0,
    position REAL NOT NULL,
    request TEXT NOT NULL,
    progress TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    error TEXT,
    notes TEXT NOT NULL DEFAULT '[]',
    project TEXT REFERENCES projects (id) ON DELETE SET NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    ended REAL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, priority DESC, position);

CREATE TRIGGER takes_fail_with_their_job AFTER UPDATE OF state ON jobs WHEN new.state IN ('failed', 'cancelled')
BEGIN
    UPDATE takes SET state = 'failed' WHERE job = new.id AND state = 'waiting';
END;

CREATE TRIGGER takes_wait_with_their_job AFTER UPDATE OF state ON jobs WHEN new.state = 'queued'
BEGIN
    UPDATE takes SET state = 'waiting' WHERE job = new.id AND state = 'failed';
END;

CREATE TABLE queue (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    paused INTEGER NOT NULL DEFAULT 0,
    stop_after INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO queue (id) VALUES (1);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;

CREATE TABLE clips (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    file TEXT NOT NULL,
    format TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    rate TEXT NOT NULL,
    seconds REAL NOT NULL,
    kind TEXT NOT NULL,
    model TEXT,
    prompts TEXT NOT NULL,
    project TEXT REFERENCES projects (id) ON DELETE SET NULL,
    job TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    has_recipe INTEGER NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX clips_by_age ON clips (created DESC);

CREATE TABLE frame_takes (
    id TEXT PRIMARY KEY,
    clip TEXT NOT NULL REFERENCES clips (id) ON DELETE CASCADE,
    frame INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    digest TEXT,
    prompt TEXT,
    strength REAL,
    chosen INTEGER NOT NULL DEFAULT 0,
    job TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    created REAL NOT NULL
) STRICT;
CREATE INDEX frame_takes_by_clip ON frame_takes (clip, frame);

CREATE TABLE marks (
    clip TEXT NOT NULL REFERENCES clips (id) ON DELETE CASCADE,
    frame INTEGER NOT NULL,
    PRIMARY KEY (clip, frame)
) STRICT;

CREATE TABLE images (
    digest TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    prompt TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    job TEXT REFERENCES jobs (id) ON DELETE SET NULL,
    created REAL NOT NULL
) STRICT;

CREATE TABLE stars (
    entry TEXT PRIMARY KEY,
    created REAL NOT NULL
) STRICT;

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    frames INTEGER,
    frame TEXT,
    has_recipe INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL
) STRICT;

CREATE TABLE reports (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    metrics TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
