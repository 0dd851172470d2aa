-- resync_service: what the services need and no more (no DDL, no change of models or promotions).
-- resync_analyst: reads everything but weights and checkpoints.
-- Both are group roles without login: an administrator grants them to users. Roles belong to the whole cluster, the
-- grants below to this schema only.

do $$
declare
  role_name text;
begin
  foreach role_name in array array['resync_service', 'resync_analyst'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin', role_name);
      exception
        when insufficient_privilege then
          raise exception 'role % does not exist and this user may not create it: as an administrator run "create role % nologin", then migrate again',
            role_name, role_name using errcode = 'insufficient_privilege';
        when duplicate_object or unique_violation then null;  -- created at this moment by another migration
      end;
    end if;
    execute format('grant usage on schema %I to %I', current_schema(), role_name);
  end loop;
  execute format('grant select on all tables in schema %I to resync_service', current_schema());
end $$;

grant insert, update on patients, cohorts, recordings, training_jobs, training_epochs, predictions, rejections,
  evaluations to resync_service;
grant insert, update, delete on baselines, outcomes, beat_predictions to resync_service;
grant insert on pins, models, model_training_recordings, promotions to resync_service;
grant usage on sequence promotions_id_seq to resync_service;

grant select on patients, cohorts, baselines, outcomes, recordings, training_epochs, model_training_recordings,
  promotions, live_models, pins, beat_predictions, predictions, rejections, evaluations, recording_digests,
  beat_symbols, v_recordings, v_predictions, v_beat_confusion, v_model_lineage, v_promotion_periods, v_outcomes,
  v_training_jobs, schema_migrations to resync_analyst;
grant select (model_id, task, weights_sha256, metadata, parent_model_id, trained_on_synthetic, pipeline_id, pipeline,
  job_id, created_at) on models to resync_analyst;
grant select (job_id, task, specification, recordings, cohort, pipeline_id, state, lease_owner, lease_expires_at,
  attempts, max_attempts, error, model_id, checkpoint_at, created_at, started_at, finished_at) on training_jobs
  to resync_analyst;
