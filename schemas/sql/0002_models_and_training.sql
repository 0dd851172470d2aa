-- Training jobs, the model registry and which model serves.

create table training_jobs (
  job_id text primary key check (job_id <> ''),
  task task_name not null,
  specification jsonb not null,
  recordings text[] not null,
  cohort text references cohorts,
  pipeline_id text not null,
  state text not null default 'queued' check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  lease_owner text,
  lease_expires_at timestamptz,
  attempts integer not null default 0,
  max_attempts integer not null default 5 check (max_attempts > 0),
  error text,
  model_id text,
  checkpoint bytea,
  checkpoint_at timestamptz,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  check ((state = 'running') = (lease_owner is not null and lease_expires_at is not null)),
  check (state <> 'succeeded' or model_id is not null),
  check (state <> 'failed' or error is not null)
);
alter table training_jobs alter column checkpoint set storage external;
create index training_jobs_claimable on training_jobs (created_at, job_id) where state in ('queued', 'running');

create table training_epochs (
  job_id text not null references training_jobs,
  epoch integer not null check (epoch >= 0),
  train_loss double precision not null,
  validation_loss double precision,
  validation_score double precision,
  images_per_second double precision,
  recorded_at timestamptz not null default now(),
  primary key (job_id, epoch)
);

create table models (
  model_id text primary key check (model_id <> ''),
  task task_name not null,
  weights bytea not null,
  weights_sha256 sha256_hex not null,
  metadata jsonb not null,
  parent_model_id text references models,
  trained_on_synthetic boolean not null,
  pipeline_id text not null,
  pipeline jsonb not null,
  job_id text references training_jobs,
  created_at timestamptz not null default now(),
  unique (task, model_id),
  constraint models_weights_match_their_hash check (weights_sha256 = encode(sha256(weights), 'hex'))
);
alter table models alter column weights set storage external;
alter table training_jobs add foreign key (model_id) references models;

create table model_training_recordings (
  model_id text not null references models,
  recording_id text not null,
  patient text not null,
  primary key (model_id, recording_id)
);
comment on table model_training_recordings is
  'Every recording that the model, or a model it grew from, was fitted on. No foreign key: training may read files.';

create sequence promotions_id_seq;
create table promotions (
  id bigint primary key,
  task task_name not null,
  model_id text not null,
  promoted_at timestamptz not null,
  by text not null,
  reason text not null default '',
  is_rollback boolean not null default false,
  foreign key (task, model_id) references models (task, model_id)
);
alter sequence promotions_id_seq owned by promotions.id;
create index promotions_task on promotions (task, id desc);

-- One promotion at a time, so that ids and times grow together and "live at T" has one answer.
create function promotions_stamp() returns trigger language plpgsql set search_path from current as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(tg_table_schema || '.promotions', 0));
  new.id := nextval('promotions_id_seq');
  new.promoted_at := greatest(
    clock_timestamp(), (select max(promoted_at) + interval '1 microsecond' from promotions));
  return new;
end $$;
create trigger promotions_stamp before insert on promotions for each row execute function promotions_stamp();

create function promotions_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'promotions are append only: add a row instead (a rollback is a new promotion)'
    using errcode = 'restrict_violation';
end $$;
create trigger promotions_append_only before update or delete or truncate on promotions
  for each statement execute function promotions_refuse_change();

create view live_models as
  select distinct on (task) task, model_id, promoted_at, by, reason, id as promotion_id
  from promotions order by task, id desc;

create function live_model_at(task task_name, at timestamptz) returns text language sql stable
begin atomic
  select p.model_id from promotions p
  where p.task = live_model_at.task and p.promoted_at <= live_model_at.at
  order by p.id desc limit 1;
end;
