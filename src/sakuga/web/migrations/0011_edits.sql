-- Edits of frames belong to a project, as long as its frames lie as they did when the edits were made.
ALTER TABLE projects ADD COLUMN edits TEXT NOT NULL DEFAULT '[]';
ALTER TABLE projects ADD COLUMN edited_layout TEXT;
ALTER TABLE clips ADD COLUMN layout TEXT;

-- What the scorecard of a clip names, frames counted from 0.
CREATE TABLE faults (
    clip TEXT NOT NULL REFERENCES clips (id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    fault TEXT NOT NULL
) STRICT;
CREATE INDEX faults_by_clip ON faults (clip);
