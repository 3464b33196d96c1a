DROP TABLE alive;
DROP TABLE checkpoint;
DROP TABLE snapshot;
DROP TABLE outcome;
DROP TABLE head;
DROP TABLE tile;
DROP TABLE entry;
