-- Reports of the study: one row each, its cells, and every number of its tables.

create table studies (
  study_id text primary key check (study_id ~ '^[0-9a-f]{64}$'),
  generated_at timestamptz not null,
  quick boolean not null,
  command text not null,
  machine text not null,
  code_commit text,
  program_sha256 text
);
comment on column studies.study_id is 'SHA-256 of report.json.';
comment on column studies.quick is 'Less data and fewer repetitions: no results.';

create table study_cells (
  study_id text not null references studies on delete cascade,
  cell text not null check (cell <> ''),
  state text not null check (state in ('kept', 'computed', 'failed', 'missing-data', 'not-reached', 'not-chosen')),
  reason text,
  seconds double precision check (seconds >= 0),
  finished_at timestamptz,
  identity text,
  primary key (study_id, cell)
);
comment on column study_cells.identity is 'SHA-256 of the cell''s name and inputs.';

create table study_figures (
  study_id text not null references studies on delete cascade,
  section text not null,
  origin text not null check (origin in ('run', 'real', 'paper', 'synthetic', 'appendix')),
  table_number integer not null check (table_number > 0),
  row_number integer not null check (row_number > 0),
  label text not null,
  figure text not null,
  value double precision not null,
  low double precision,
  high double precision,
  primary key (study_id, section, table_number, row_number, figure)
);
comment on column study_figures.label is 'What heads the row in the report.';
comment on column study_figures.low is 'Of the 95 % interval, as is high; null where the figure has none.';

grant select on studies, study_cells, study_figures to resync_service, resync_analyst;
grant insert on studies, study_cells, study_figures to resync_service;
