#!/usr/bin/env bash
# Makes the user as whom the services of docker-compose.yml connect: a member of resync_service and nothing else. Run by
# the PostgreSQL image when it makes the database.
set -euo pipefail
psql --set ON_ERROR_STOP=1 --set password="$(cat "${SERVICE_PASSWORD_FILE:-/run/secrets/service_password}")" \
  --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
create role resync_service nologin;
create role resync_services login password :'password' in role resync_service;
SQL
