#!/usr/bin/env bash
# Run once, on a fresh database: the login under which the nodes work. What it may do, the migrations say of its role.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$MINGJIAN_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE mingjian_app NOLOGIN;
CREATE ROLE mingjian LOGIN PASSWORD :'password' IN ROLE mingjian_app;
SQL
