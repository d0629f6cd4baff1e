CREATE TABLE grids (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    request TEXT NOT NULL,
    created REAL NOT NULL
) STRICT;
CREATE TABLE grid_cells (
    grid TEXT NOT NULL REFERENCES grids (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (grid, number)
) STRICT;
