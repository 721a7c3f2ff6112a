"""The database: embedded PostgreSQL, engine, COPY in and out, partition replacement, migrations."""
