DROP TABLE standing;
