-- The index of one source. Built from its files alone: it may be removed at any time.
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, folder TEXT, kind TEXT, mtime INTEGER, size INTEGER, fault TEXT);
CREATE INDEX IF NOT EXISTS files_folder ON files (folder);
CREATE TABLE IF NOT EXISTS rollouts (
    key INTEGER PRIMARY KEY, file TEXT, place TEXT UNIQUE, id TEXT, scenario TEXT, sample INTEGER,
    operator TEXT, model TEXT, outcome TEXT, right INTEGER, keep INTEGER, expected TEXT, split TEXT, family TEXT,
    ending TEXT, actions INTEGER, mistakes INTEGER, tokens INTEGER, cost REAL, fault TEXT, verdict TEXT,
    seen INTEGER, noticed INTEGER, learnt INTEGER, retrieved INTEGER, executed INTEGER, ended INTEGER,
    asked TEXT, tool TEXT, last TEXT, reason TEXT
);
CREATE INDEX IF NOT EXISTS rollouts_file ON rollouts (file);
CREATE INDEX IF NOT EXISTS rollouts_id ON rollouts (id);
CREATE INDEX IF NOT EXISTS rollouts_scenario ON rollouts (scenario);
CREATE INDEX IF NOT EXISTS rollouts_family ON rollouts (family);
CREATE TABLE IF NOT EXISTS reasons (rollout INTEGER, reason TEXT);
CREATE INDEX IF NOT EXISTS reasons_rollout ON reasons (rollout);
CREATE INDEX IF NOT EXISTS reasons_reason ON reasons (reason);
CREATE TABLE IF NOT EXISTS scenarios (
    id TEXT PRIMARY KEY, file TEXT, expected TEXT, split TEXT, family TEXT, twin_of TEXT, reskin_of TEXT,
    author TEXT, mended INTEGER, wrong INTEGER, survivors INTEGER, right INTEGER, refused INTEGER, proven INTEGER
);
CREATE INDEX IF NOT EXISTS scenarios_file ON scenarios (file);
CREATE INDEX IF NOT EXISTS scenarios_family ON scenarios (family);
CREATE TABLE IF NOT EXISTS cells (scenario TEXT, axis TEXT, value TEXT, PRIMARY KEY (scenario, axis)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cells_value ON cells (axis, value, scenario);
CREATE TABLE IF NOT EXISTS pairs (
    key INTEGER PRIMARY KEY, file TEXT, place TEXT UNIQUE, id TEXT, scenario TEXT, split TEXT, outcome TEXT, cause TEXT,
    source TEXT, margin REAL, turn INTEGER, chosen TEXT, rejected TEXT, chosen_id TEXT, rejected_id TEXT
);
CREATE INDEX IF NOT EXISTS pairs_file ON pairs (file);
CREATE TABLE IF NOT EXISTS rejections (
    key INTEGER PRIMARY KEY, file TEXT, place TEXT UNIQUE, id TEXT, slot INTEGER, attempt INTEGER, reason TEXT,
    detail TEXT, exchanges INTEGER
);
CREATE INDEX IF NOT EXISTS rejections_file ON rejections (file);
CREATE TABLE IF NOT EXISTS notes (trajectory TEXT PRIMARY KEY, verdict TEXT, comment TEXT);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE IF NOT EXISTS texts USING fts5(typed, shown, content='', tokenize='trigram');
