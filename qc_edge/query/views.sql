-- What QA asks: views and table macros over the published log. This file is their only source: qa.duckdb,
-- `qc-edge sql` and the reference page are made from it. @published@ stands for the directory of the files.
-- All times are UTC; local_time(t) and shift_of(t) say what people call them at the station. `date` is the day on which a row was recorded, and the folder it is in: a filter on
-- `date` reads only those files.

-- The lower end of the 95 % interval of Wilson for k of n; null if n is 0.
-- E. B. Wilson, Probable inference, the law of succession, and statistical inference, 1927.
CREATE MACRO wilson_low(k, n) AS
    CASE WHEN n > 0 THEN greatest(0.0,
        (k + 1.920729 - 1.959964 * sqrt(k * (n - k) / n::DOUBLE + 0.960365)) / (n + 3.841459)) END;

-- The upper end of the same interval.
CREATE MACRO wilson_high(k, n) AS
    CASE WHEN n > 0 THEN least(1.0,
        (k + 1.920729 + 1.959964 * sqrt(k * (n - k) / n::DOUBLE + 0.960365)) / (n + 3.841459)) END;

-- Now, in UTC, as the times of the log are; now() follows the time zone of the client.
CREATE MACRO utc_now() AS make_timestamp(epoch_us(now()));

-- Today, in UTC: WHERE date = utc_today().
CREATE MACRO utc_today() AS utc_now()::DATE;

-- A time of the log as the clocks at the station show it (station.time_zone): local_time(recorded_at).
CREATE MACRO local_time(t) AS
    list_transform([t::TIMESTAMP], lambda t: t + @utc_offset@)[1];

-- Now, as the clocks at the station show it.
CREATE MACRO local_now() AS local_time(utc_now());

-- Today, by the clocks and the calendar at the station.
CREATE MACRO local_today() AS local_now()::DATE;

-- The shift (station.shifts) that a time of the log belongs to: `name`, the `day` on which it began, and when it
-- `began`, both local. Outside of all shifts name and began are null, and day is the local date. A shift starts
-- when the clock first shows its start; a clock that is put back does not bring the shift before back.
CREATE MACRO shift_at(t) AS
    list_transform([t::TIMESTAMP], lambda t:
    list_transform([@shift_clock@], lambda c:
    list_transform([(isodow(c) - 1) * 1440 + hour(c) * 60 + minute(c)], lambda m:
    list_transform([@week_segment@], lambda s: {
        name: s.name,
        day: c::DATE - s.days_back,
        began: CASE WHEN s.name IS NOT NULL THEN (c::DATE - s.days_back) + to_minutes(s.start) END})[1])[1])[1])[1];

-- The name of the shift that a time of the log belongs to; null outside of all shifts.
CREATE MACRO shift_of(t) AS shift_at(t).name;

-- The local day that a time of the log belongs to: a night shift is wholly of the day on which it began.
CREATE MACRO shift_day(t) AS shift_at(t).day;

-- Every inspection as it was recorded, one row for a frame, without labels.
CREATE VIEW inspections_raw AS
SELECT * FROM read_parquet('@published@/inspections/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- The inspections of production: without challenge parts, which were shown to prove the station and count nowhere else.
CREATE VIEW inspections_of_production AS
SELECT * FROM inspections_raw WHERE hold_reason IS DISTINCT FROM 'challenge';

-- Frames that were triggered and never came, and why.
CREATE VIEW gaps AS
SELECT * FROM read_parquet('@published@/gaps/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- Who changed what and why, and what happened to the station: everything that can alter a verdict.
CREATE VIEW events AS
SELECT * FROM read_parquet('@published@/events/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- Every label that was ever given, disputes among them; nothing is taken back. Which one counts: effective_labels.
CREATE VIEW labels AS
SELECT * FROM read_parquet('@published@/labels/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- Every hold and release, as it was said; nothing is taken back. What is held now: `held`.
CREATE VIEW holds AS
SELECT * FROM read_parquet('@published@/holds/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- Pictures that a rule of [retention] has deleted: which, of which inspection, and by which rule.
CREATE VIEW deletions AS
SELECT * FROM read_parquet('@published@/deletions/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- What the shadow, a second bundle, said of frames that were judged; it changed no verdict.
CREATE VIEW shadow_scores AS
SELECT * FROM read_parquet('@published@/shadow_scores/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- What the line was told of parts that several views see, one row for an attempt. Empty without [[view]]: there each
-- inspection is a part, and `all_parts` has both.
CREATE VIEW parts_raw AS
SELECT * FROM read_parquet('@published@/parts/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- What each output told its line of a part, and what became of it; `outcome` says which. Empty without [[output]].
CREATE VIEW told AS
SELECT * FROM read_parquet('@published@/told/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- The register of challenge parts, every entry that was ever made; the newest of a recipe and serial counts.
CREATE VIEW challenge_parts AS
SELECT * FROM read_parquet('@published@/challenge_parts/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- Challenge parts that were shown, and what the station said of them.
CREATE VIEW challenge_results AS
SELECT * FROM read_parquet('@published@/challenge_results/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- How each challenge ended: one that passed proves that the station catches what it must.
CREATE VIEW challenges AS
SELECT * FROM read_parquet('@published@/challenges/date=*/hour=*.parquet',
                           hive_partitioning = true, hive_types = {date: DATE});

-- What each output told its line, day by day. `unacknowledged`, `unconfirmed` and `passed` are to be explained.
CREATE VIEW told_by_day AS
SELECT date AS day,                                           -- the day (UTC)
       output,                                                -- the [[output]] of the settings
       count(*) FILTER (disposition = 'ACCEPT' AND is_message) AS accepted,  -- told ACCEPT
       count(*) FILTER (disposition = 'REJECT' AND is_message) AS rejected,  -- told REJECT
       count(*) FILTER (disposition = 'HOLD' AND is_message) AS held,        -- told HOLD
       count(*) FILTER (outcome = 'untold') AS untold,        -- parts that the line was told nothing of
       count(*) FILTER (outcome = 'unacknowledged') AS unacknowledged,       -- told, and not acknowledged in time
       count(*) FILTER (outcome = 'ejected') AS ejected,      -- confirmed as out of the way
       count(*) FILTER (outcome = 'unconfirmed') AS unconfirmed,             -- not confirmed in time
       count(*) FILTER (outcome = 'passed') AS passed,        -- to be ejected, and gone on all the same
       quantile_cont(age_ms, 0.5) FILTER (is_message) AS p50_ms,             -- exposure to told
       quantile_cont(age_ms, 0.999) FILTER (is_message) AS p999_ms           -- the same of all but one in a thousand
FROM (SELECT *, outcome IN ('acknowledged', 'unacknowledged', 'shown') AS is_message FROM told)
GROUP BY ALL;

-- The frames that are views of a part, with the part: `attempt_id` is that of `parts_raw`.
-- (Files of earlier versions have neither column; there the ones of `none_of_them` stand in.)
CREATE VIEW part_frames AS
SELECT one.* FROM (SELECT NULL::VARCHAR AS attempt_id, NULL::VARCHAR AS view) AS none_of_them
CROSS JOIN LATERAL (
    SELECT attempt_id AS attempt_id,                          -- the part (parts_raw)
           view AS view,                                      -- the [[view]] that it is
           frame_id,                                          -- the inspection
           part_id,                                           -- the physical piece
           camera,                                            -- name of the camera
           recorded_at,                                       -- when
           verdict,                                           -- PASS, FAIL, INVALID of this view
           coalesce(hold_reason, reason) AS reason,           -- why, as a stable code
           hold_reason IS NOT DISTINCT FROM 'late_view' AS late,  -- it came after the line was told of its part
           score,                                             -- 0..1, higher is worse
           date                                               -- the day (UTC) on which it was recorded
    FROM inspections_raw) AS one
WHERE one.attempt_id IS NOT NULL;

-- Everything that the line was told, one row for each: parts that several views see (`parts_raw`), and frames that
-- are a part of their own. A part whose views are still coming is not among them.
CREATE VIEW all_parts AS
SELECT attempt_id AS frame_id,                                -- its first frame
       part_id,                                               -- the physical piece
       recorded_at,                                           -- when
       captured_at,                                           -- wall clock at the earliest exposure
       disposition,                                           -- what the line was told: ACCEPT, REJECT, HOLD
       reason,                                                -- why, as a stable code
       detail,                                                -- why, in words
       NULL::VARCHAR AS camera,                               -- name of the camera; null: several views
       views_expected,                                        -- names of the views; null: the frame is the part
       views_seen,                                            -- those that came in time
       views_missing,                                         -- required ones that did not
       lot,                                                   -- the batch that it belongs to
       age_ms,                                                -- earliest exposure to decision
       date                                                   -- the day (UTC) on which it was recorded
FROM parts_raw
UNION ALL
SELECT frame_id, part_id, recorded_at, captured_at, disposition, coalesce(hold_reason, reason), detail, camera,
       NULL, NULL, NULL, lot, age_ms, date
FROM inspections_raw
WHERE hold_reason IS DISTINCT FROM 'late_view'
  AND frame_id NOT IN (SELECT frame_id FROM part_frames)
  AND frame_id NOT IN (SELECT unnest(string_split(frames, ' ')) FROM parts_raw);

-- What the line was told of a part, attempt by attempt, and of which views: FROM part('A-17').
CREATE MACRO part(id) AS TABLE
SELECT * FROM all_parts WHERE part_id = id ORDER BY recorded_at;

-- Does the count of parts close? Day by day: each view that was recorded is of a part that was told, or came late.
CREATE VIEW part_closure AS
WITH seen AS (
    SELECT attempt_id, min(date) AS day, count(*) FILTER (NOT late) AS frames, count(*) FILTER (late) AS late
    FROM part_frames GROUP BY attempt_id)
SELECT coalesce(parts_raw.date, seen.day) AS date,            -- the day (UTC)
       count(parts_raw.attempt_id) AS parts,                  -- parts that the line was told of
       count(*) FILTER (disposition = 'ACCEPT') AS accepted,  -- ACCEPT
       count(*) FILTER (disposition = 'REJECT') AS rejected,  -- REJECT
       count(*) FILTER (disposition = 'HOLD') AS held,        -- HOLD
       coalesce(sum(len(string_split(parts_raw.frames, ' '))), 0)::BIGINT AS views_seen,  -- frames that they were told by
       coalesce(sum(len(string_split(views_missing, ' '))), 0)::BIGINT AS views_missing,  -- required views that did not come in time
       coalesce(sum(seen.late), 0)::BIGINT AS late_views,     -- views that came after their part was told
       count(*) FILTER (parts_raw.attempt_id IS NULL) AS untold,  -- parts with views and no row; the newest may still be open
       coalesce(bool_and(len(string_split(parts_raw.frames, ' ')) IS NOT DISTINCT FROM seen.frames), true)
           AS closes                                          -- every view is of exactly one part that was told
FROM parts_raw FULL JOIN seen ON parts_raw.attempt_id = seen.attempt_id GROUP BY 1;

-- The label in effect for a frame. Of each person the last word counts, and unsure only where nobody else has said
-- more; the highest role goes first (quality, engineer, reviewer, operator), then the newest. Disputed, and so open
-- again: somebody else's last word differs and is newer, or of the same role; or the part was disputed and nobody of
-- that role or a higher one has labelled it since.
CREATE VIEW effective_labels AS
WITH ranked AS (
    SELECT *, CASE role WHEN 'quality' THEN 3 WHEN 'engineer' THEN 2 WHEN 'reviewer' THEN 1 ELSE 0 END AS rank
    FROM labels),
last_words AS (
    SELECT frame_id, who, max(chain_seq) AS seq,
           arg_max({label: label, defect_class: defect_class, why: why, given_at: recorded_at, rank: rank,
                    role: role, regions: regions}, chain_seq) AS said
    FROM ranked WHERE label <> 'disputed' GROUP BY frame_id, who),
in_effect AS (
    SELECT frame_id, arg_max({seq: seq, who: who, said: said}, {decided: said.label <> 'unsure', rank: said.rank, seq: seq}) AS best
    FROM last_words GROUP BY frame_id),
words AS (
    SELECT frame_id, count(*) AS people,
           bool_or(said.label NOT IN (best.said.label, 'unsure') AND best.said.label <> 'unsure'
               AND (last_words.seq > best.seq OR said.rank = best.said.rank)) AS differ
    FROM last_words JOIN in_effect USING (frame_id) GROUP BY frame_id),
doubts AS (
    SELECT frame_id, bool_or(best IS NULL OR best.seq < chain_seq OR best.said.rank < rank) AS stands
    FROM ranked LEFT JOIN in_effect USING (frame_id) WHERE label = 'disputed' GROUP BY frame_id)
SELECT frame_id,                                              -- the inspection
       best.said.label AS label,                              -- good, defect, unsure, not_inspectable; null: only disputed
       best.said.defect_class AS defect_class,                -- what kind of defect
       best.who AS labelled_by,                               -- the person
       best.said.given_at AS labelled_at,                     -- when
       best.said.why AS label_why,                            -- the reason given
       coalesce(people, 0) AS labelled_by_people,             -- how many people have said something
       coalesce(differ, false) OR coalesce(stands, false) AS disputed,  -- open again: people differ, or it was disputed
       best.said.role AS labelled_as,                         -- the role of the person
       best.said.regions AS regions                           -- where the defects are (JSON, pixels of the raw frame)
FROM in_effect FULL JOIN words USING (frame_id) FULL JOIN doubts USING (frame_id);

-- Every inspection with the label in effect. The place to start.
CREATE VIEW inspections AS
SELECT inspections_raw.*,
       effective_labels.label,                                -- good, defect, unsure, not_inspectable; null: nobody has looked
       effective_labels.defect_class,                         -- what kind of defect
       effective_labels.labelled_by,                          -- the person
       effective_labels.labelled_at,                          -- when
       effective_labels.label_why,                            -- the reason given
       coalesce(effective_labels.disputed, false) AS disputed -- people do not agree, or somebody doubts it
FROM inspections_raw LEFT JOIN effective_labels USING (frame_id);

-- Each hold and release with each inspection that it fits; releases of a whole hold are not among them.
CREATE VIEW hold_history AS
WITH entries AS (
    SELECT action, hold_id, cause, who, role, why, recorded_at AS said_at, chain_seq, frame_id AS only_frame,
           part_id AS only_part, lot AS only_lot, camera AS only_camera, since, until FROM holds),
fits AS (
    SELECT entries.*, inspections_raw.frame_id, part_id, lot, camera, captured_at, date
    FROM entries JOIN inspections_raw ON only_frame = inspections_raw.frame_id
    UNION ALL
    SELECT entries.*, frame_id, part_id, lot, camera, captured_at, date
    FROM entries JOIN inspections_raw ON only_frame IS NULL AND only_part = part_id
    UNION ALL
    SELECT entries.*, frame_id, part_id, lot, camera, captured_at, date
    FROM entries JOIN inspections_raw ON only_frame IS NULL AND only_part IS NULL AND only_lot = lot
    UNION ALL
    SELECT timed.* EXCLUDE (low, high), frame_id, part_id, lot, camera, captured_at, date
    FROM (SELECT *, coalesce(since, '-infinity') AS low, coalesce(until, 'infinity') AS high FROM entries
          WHERE coalesce(only_frame, only_part, only_lot) IS NULL
            AND NOT (since IS NULL AND until IS NULL AND only_camera IS NULL)) AS timed
    JOIN inspections_raw ON captured_at >= low AND captured_at < high)
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       action,                                                -- hold, release
       hold_id,                                               -- the hold; of a release, null: of all that fit
       cause,                                                 -- what brought it: person, suspect_window, ...
       who,                                                   -- the person, or the part of the station
       role,                                                  -- as whom the person spoke
       why,                                                   -- the reason given
       said_at,                                               -- when it was taken up
       chain_seq,                                             -- its place in the chain
       date                                                   -- the day (UTC) on which the inspection was recorded
FROM fits
WHERE (only_part IS NULL OR only_part = part_id) AND (only_lot IS NULL OR only_lot = lot)
  AND (only_camera IS NULL OR only_camera = camera)
  AND (since IS NULL OR captured_at >= since) AND (until IS NULL OR captured_at < until);

-- What is held now, one row for each inspection and hold: no rule deletes anything of it. A hold changes neither the
-- verdict nor what the line was told.
CREATE VIEW held AS
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       hold_id,                                               -- the hold
       cause,                                                 -- what brought it: person, suspect_window, ...
       who,                                                   -- the person, or the part of the station
       why,                                                   -- the reason given
       said_at AS held_since,                                 -- when it was taken up
       date                                                   -- the day (UTC) on which the inspection was recorded
FROM hold_history AS one
WHERE action = 'hold'
  AND NOT EXISTS (
      SELECT 1 FROM hold_history AS taken_back
      WHERE taken_back.action = 'release' AND taken_back.frame_id = one.frame_id
        AND taken_back.chain_seq > one.chain_seq
        AND coalesce(taken_back.hold_id, one.hold_id) = one.hold_id)
  AND NOT EXISTS (
      SELECT 1 FROM holds AS whole
      WHERE whole.action = 'release' AND whole.hold_id = one.hold_id AND whole.chain_seq > one.chain_seq
        AND coalesce(whole.frame_id, whole.part_id, whole.lot, whole.camera) IS NULL
        AND whole.since IS NULL AND whole.until IS NULL);

-- Escapes: the station said PASS, and the label in effect says defect. Known only where somebody has looked.
CREATE VIEW escapes AS
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       lot,                                                   -- its lot
       recorded_at,                                           -- when it was judged
       camera,                                                -- name of the camera
       disposition,                                           -- what the line was told
       score,                                                 -- 0..1, higher is worse
       threshold,                                             -- it was judged by
       model_name || '@' || model_version AS model,           -- what judged
       defect_class,                                          -- what kind of defect
       labelled_by,                                           -- the person
       labelled_at,                                           -- when
       label_why,                                             -- the reason given
       disputed,                                              -- the label is open again
       raw_path,                                              -- evidence: the frame
       date                                                   -- the day (UTC) on which it was recorded
FROM inspections WHERE verdict = 'PASS' AND label = 'defect' AND hold_reason IS DISTINCT FROM 'challenge';

-- Overkill: the station said FAIL, and the label in effect says good. The same columns as escapes.
CREATE VIEW overkill AS
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       lot,                                                   -- its lot
       recorded_at,                                           -- when it was judged
       camera,                                                -- name of the camera
       disposition,                                           -- what the line was told
       score,                                                 -- 0..1, higher is worse
       threshold,                                             -- it was judged by
       model_name || '@' || model_version AS model,           -- what judged
       defect_class,                                          -- what kind of defect
       labelled_by,                                           -- the person
       labelled_at,                                           -- when
       label_why,                                             -- the reason given
       disputed,                                              -- the label is open again
       raw_path,                                              -- evidence: the frame
       date                                                   -- the day (UTC) on which it was recorded
FROM inspections WHERE verdict = 'FAIL' AND label = 'good' AND hold_reason IS DISTINCT FROM 'challenge';

-- All that is known of a part, in order of time: ask with WHERE part_id = '...' ORDER BY recorded_at.
CREATE VIEW part_history AS
SELECT part_id,                                               -- the physical piece
       recorded_at,                                           -- when
       'inspection' AS what,                                  -- inspection, part, label, hold, release, deletion
       frame_id,                                              -- the frame that it is about
       verdict AS said,                                       -- the verdict, or the label
       disposition,                                           -- what the line was told; of a view, what it says alone
       coalesce(hold_reason, reason) AS reason,               -- why, as a stable code
       detail,                                                -- why, in words
       score,                                                 -- 0..1, higher is worse
       threshold,                                             -- at or above it FAILs
       model_name || '@' || model_version AS who,             -- the model, or the person
       raw_path,                                              -- evidence: the frame
       date                                                   -- the day (UTC) on which it was recorded
FROM inspections_raw
UNION ALL
SELECT part_id, recorded_at, 'part', attempt_id, disposition, disposition, reason, detail, score, NULL, rule, NULL, date
FROM parts_raw
UNION ALL
SELECT part_id, recorded_at, 'label', frame_id, label, NULL, defect_class, why, NULL, NULL, who, NULL, date
FROM labels
UNION ALL
SELECT part_id, said_at, action, frame_id, cause, NULL, hold_id, why, NULL, NULL, who, NULL, date
FROM hold_history
UNION ALL
SELECT part_id, recorded_at, 'deletion', frame_id, pictures, NULL, retention_class, rule, NULL, NULL, 'station', NULL, date
FROM deletions;

-- Yield hour by hour and camera by camera.
CREATE VIEW yield_by_hour AS
SELECT date_trunc('hour', recorded_at) AS hour,               -- begins at
       camera,                                                -- name of the camera
       count(*) AS inspected,                                 -- frames
       count(*) FILTER (verdict = 'PASS') AS passed,          -- PASS
       count(*) FILTER (verdict = 'FAIL') AS failed,          -- FAIL
       count(*) FILTER (verdict = 'INVALID') AS invalid,      -- could not be judged
       count(*) FILTER (disposition = 'HOLD') AS held,        -- the line was told HOLD
       passed / nullif(passed + failed, 0) AS yield,          -- share of PASS among what was judged
       avg(score) AS mean_score,                              -- drifts before the yield does
       date                                                   -- the day (UTC)
FROM inspections_of_production GROUP BY ALL;

-- How much a disposition weighs against another one of the same part: HOLD, REJECT, ACCEPT.
CREATE MACRO severity(disposition) AS
    CASE disposition WHEN 'ACCEPT' THEN 0 WHEN 'REJECT' THEN 1 ELSE 2 END;

-- Each part once: its last attempt, and how many there were. A part that comes again (rework, a second look) is
-- what its last attempt says, in that attempt's shift; seen by several cameras, the worst of their last words.
CREATE MACRO parts(since := NULL, until := NULL) AS TABLE
WITH views AS (
    SELECT part_id, camera,
           count(*) AS attempts,
           arg_min(disposition, frame_id) AS first_said,
           arg_max(disposition, frame_id) AS said,
           arg_max(reason, frame_id) AS why,
           max(frame_id) AS frame_id,
           max(recorded_at) AS recorded_at
    FROM all_parts
    WHERE reason <> 'challenge'
      AND (since IS NULL OR (date >= since::TIMESTAMP::DATE AND recorded_at >= since::TIMESTAMP))
      AND (until IS NULL OR (date <= until::TIMESTAMP::DATE AND recorded_at < until::TIMESTAMP))
    GROUP BY part_id, camera)
SELECT part_id,                                               -- the physical piece
       max(attempts)::BIGINT AS attempts,                     -- how often it came
       max_by(first_said, severity(first_said)) AS first_disposition,  -- what the line was told at first
       max_by(said, severity(said)) AS disposition,           -- what the line was told last
       max_by(why, severity(said)) AS reason,                 -- why, as a stable code
       max_by(views.frame_id, severity(said)) AS frame_id,    -- the inspection that says so
       max(views.recorded_at) AS recorded_at,                 -- of the last attempt (UTC)
       shift_day(max(views.recorded_at)) AS day,              -- the day it counts for (local)
       shift_of(max(views.recorded_at)) AS shift              -- the shift it counts for
FROM views GROUP BY part_id;

-- Parts day by day, each counted once, by its last attempt. The day is local, and a night shift's is that on
-- which it began.
CREATE VIEW part_yield AS
SELECT day,                                                   -- local; of a night shift, when it began
       count(*) AS parts,                                     -- parts, not inspections
       count(*) FILTER (disposition = 'ACCEPT') AS accepted,  -- ACCEPT at the last attempt
       count(*) FILTER (disposition = 'REJECT') AS rejected,  -- REJECT
       count(*) FILTER (disposition = 'HOLD') AS held,        -- HOLD: for a person
       count(*) FILTER (attempts > 1) AS came_again,          -- more than one attempt
       accepted / nullif(parts, 0) AS yield,                  -- share of parts that were accepted in the end
       count(*) FILTER (first_disposition = 'ACCEPT') / nullif(parts, 0) AS first_pass_yield  -- at the first attempt
FROM parts() GROUP BY day;

-- The same, shift by shift.
CREATE VIEW shift_yield AS
SELECT day,                                                   -- the local day on which the shift began
       shift,                                                 -- its name; null: outside of all shifts
       count(*) AS parts,                                     -- parts, not inspections
       count(*) FILTER (disposition = 'ACCEPT') AS accepted,  -- ACCEPT at the last attempt
       count(*) FILTER (disposition = 'REJECT') AS rejected,  -- REJECT
       count(*) FILTER (disposition = 'HOLD') AS held,        -- HOLD: for a person
       count(*) FILTER (attempts > 1) AS came_again,          -- more than one attempt
       accepted / nullif(parts, 0) AS yield,                  -- share of parts that were accepted in the end
       count(*) FILTER (first_disposition = 'ACCEPT') / nullif(parts, 0) AS first_pass_yield,  -- at the first attempt
       min(recorded_at) AS first_part,                        -- recorded (UTC)
       max(recorded_at) AS last_part                          -- recorded (UTC)
FROM parts() GROUP BY day, shift;

-- Inspections shift by shift and camera by camera: one for each frame, also where a part came twice.
CREATE VIEW shift_inspections AS
SELECT shift_day(recorded_at) AS day,                         -- the local day on which the shift began
       shift_of(recorded_at) AS shift,                        -- its name; null: outside of all shifts
       camera,                                                -- name of the camera
       count(*) AS inspected,                                 -- frames
       count(*) FILTER (verdict = 'PASS') AS passed,          -- PASS
       count(*) FILTER (verdict = 'FAIL') AS failed,          -- FAIL
       count(*) FILTER (verdict = 'INVALID') AS invalid,      -- could not be judged
       count(*) FILTER (disposition = 'HOLD') AS held,        -- the line was told HOLD
       passed / nullif(passed + failed, 0) AS yield           -- share of PASS among what was judged
FROM inspections_of_production GROUP BY ALL;

-- What was not accepted, and why, day by day.
CREATE VIEW rejects_by_reason AS
SELECT date,                                                  -- day
       camera,                                                -- name of the camera
       verdict,                                               -- FAIL, INVALID; PASS: held all the same
       disposition,                                           -- REJECT, HOLD
       coalesce(hold_reason, reason) AS reason,               -- stable code
       count(*) AS parts,                                     -- frames
       count(*) / sum(count(*)) OVER (PARTITION BY date, camera) AS share  -- of the camera's rejects of the day
FROM inspections_of_production WHERE disposition <> 'ACCEPT'
GROUP BY date, camera, verdict, disposition, coalesce(hold_reason, reason);

-- The gates' figures over time: a lens that slips or a lamp that ages shows here first.
CREATE VIEW gate_trend AS
SELECT date_trunc('hour', recorded_at) AS hour,               -- begins at
       camera,                                                -- name of the camera
       calibration_id,                                        -- the calibration in force
       count(*) AS frames,                                    -- frames
       approx_quantile(focus, 0.05) AS focus_p05,             -- 5 % of the frames are less sharp
       approx_quantile(focus, 0.5) AS focus_median,           -- variance of the 3x3 Laplacian
       avg(brightness) AS brightness_mean,                    -- grey level, 0..255
       stddev_samp(brightness) AS brightness_spread,          -- a lamp that flickers
       avg(contrast) AS contrast_mean,                        -- grey levels
       avg(exposure_us) AS exposure_us_mean,                  -- exposure time (us)
       max(saturated_share) AS saturated_share_max,           -- the worst frame
       approx_quantile(framing_shift_px, 0.95) AS framing_shift_p95,  -- the fixture moves (pixels)
       count(*) FILTER (verdict = 'INVALID') AS refused,      -- outside the gates, or unreadable
       date                                                   -- the day (UTC)
FROM inspections_of_production GROUP BY ALL;

-- What a person should look at, with the reason; a label takes it off, a dispute puts it back. `qc-edge review` has
-- more reasons, and orders by how much a look would tell.
CREATE VIEW review_queue AS
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       recorded_at,                                           -- when
       camera,                                                -- name of the camera
       verdict,                                               -- PASS, FAIL, INVALID
       score,                                                 -- 0..1, higher is worse
       threshold,                                             -- at or above it FAILs
       abs(score - threshold) AS distance,                    -- how near it was
       CASE WHEN disputed THEN 'disputed' WHEN verdict = 'INVALID' THEN reason ELSE 'near_threshold' END
           AS why,                                            -- disputed, near_threshold, or the reason code
       label,                                                 -- the label in effect, if disputed
       raw_path,                                              -- evidence: the frame
       date                                                   -- the day (UTC) on which it was recorded
FROM inspections WHERE hold_reason IS DISTINCT FROM 'challenge'
  AND (disputed OR (needs_review AND (label IS NULL OR label = 'unsure')));

-- How a release of the model does against the labels: escapes, overkill, precision, recall, each with its
-- 95 % interval. Labels are given where somebody looked, so the shares hold for what was labelled.
CREATE VIEW model_performance AS
SELECT model_name,                                            -- the bundle
       model_version,                                         -- its version
       model_sha256,                                          -- digest of the model file
       min(recorded_at) AS first_used,                        -- first labelled inspection
       max(recorded_at) AS last_used,                         -- last labelled inspection
       count(*) AS labelled,                                  -- judged by the model, labelled good or defect
       count(*) FILTER (label = 'defect') AS defects,         -- labelled defect
       count(*) FILTER (label = 'good') AS goods,             -- labelled good
       count(*) FILTER (label = 'defect' AND verdict = 'FAIL') AS caught,    -- defects that FAILed
       count(*) FILTER (label = 'defect' AND verdict = 'PASS') AS escapes,   -- defects that PASSed
       count(*) FILTER (label = 'good' AND verdict = 'FAIL') AS overkill,    -- good parts that FAILed
       caught / nullif(caught + overkill, 0) AS precision,    -- of what FAILed, the share of defects
       wilson_low(caught, caught + overkill) AS precision_low,     -- 95 % interval, lower end
       wilson_high(caught, caught + overkill) AS precision_high,   -- and its upper end
       caught / nullif(defects, 0) AS recall,                 -- of the defects, the share that FAILed
       wilson_low(caught, defects) AS recall_low,             -- 95 % interval, lower end
       wilson_high(caught, defects) AS recall_high,            -- and its upper end
       escapes / nullif(defects, 0) AS miss_rate,             -- of the defects, the share that PASSed
       overkill / nullif(goods, 0) AS false_alarm_rate,       -- of the good parts, the share that FAILed
       wilson_low(overkill, goods) AS false_alarm_low,        -- 95 % interval, lower end
       wilson_high(overkill, goods) AS false_alarm_high         -- and its upper end
FROM inspections_of_production JOIN effective_labels USING (frame_id)
WHERE verdict <> 'INVALID' AND label IN ('good', 'defect') GROUP BY model_name, model_version, model_sha256;

-- How the shadow and the model of the line agree, day by day: each judged by its own threshold, and where
-- labels exist, which of the two was right while the other was wrong.
CREATE VIEW shadow_agreement AS
SELECT shadow_scores.date,                                    -- the day (UTC)
       inspections_raw.model_name || '@' || inspections_raw.model_version AS line_model,    -- what judged
       shadow_scores.model_name || '@' || shadow_scores.model_version AS shadow_model,      -- the shadow
       count(shadow_scores.score) AS scored,                  -- frames that both have scored
       count(*) FILTER (shadow_scores.verdict = inspections_raw.verdict) AS agreed,         -- the same verdict
       count(*) FILTER (inspections_raw.verdict = 'PASS' AND shadow_scores.verdict = 'FAIL') AS pass_to_fail,  -- PASS at the line, FAIL by the shadow
       count(*) FILTER (inspections_raw.verdict = 'FAIL' AND shadow_scores.verdict = 'PASS') AS fail_to_pass,  -- FAIL at the line, PASS by the shadow
       avg(abs(shadow_scores.score - inspections_raw.score)) AS mean_distance,              -- between the scores
       count(*) - count(shadow_scores.score) AS failed,       -- the shadow's model failed
       sum(dropped_before)::BIGINT AS dropped,                -- frames that the shadow was not asked about
       count(*) FILTER (shadow_scores.verdict <> inspections_raw.verdict AND label IN ('good', 'defect')
           AND (label = 'defect') = (shadow_scores.verdict = 'FAIL')) AS shadow_right,      -- labelled: only the shadow is right
       count(*) FILTER (shadow_scores.verdict <> inspections_raw.verdict AND label IN ('good', 'defect')
           AND (label = 'defect') = (inspections_raw.verdict = 'FAIL')) AS line_right       -- labelled: only the line is right
FROM shadow_scores JOIN inspections_raw USING (frame_id) LEFT JOIN effective_labels USING (frame_id)
GROUP BY ALL;

-- The inspections of a period, from `since` up to but without `until`: FROM period('2026-11-22', '2026-11-23').
CREATE MACRO period(since, until) AS TABLE
SELECT * FROM inspections
WHERE date BETWEEN since::TIMESTAMP::DATE AND until::TIMESTAMP::DATE
  AND recorded_at >= since::TIMESTAMP AND recorded_at < until::TIMESTAMP;

-- The same as `period`. BETWEEN is a word of SQL, so the name needs quotes: FROM "between"(a, b).
CREATE MACRO "between"(a, b) AS TABLE
SELECT * FROM inspections
WHERE date BETWEEN a::TIMESTAMP::DATE AND b::TIMESTAMP::DATE
  AND recorded_at >= a::TIMESTAMP AND recorded_at < b::TIMESTAMP;

-- What a count of exposures is made of: each frame, and each row of gaps with the frames that it tells of, with
-- the numbers of the camera's own counter that are missing before it.
CREATE MACRO exposures(since := NULL, until := NULL) AS TABLE
WITH frames AS (
    SELECT captured_at AS moment, camera, verdict, 0 AS lost, camera_frame_number AS number,
           greatest(0, camera_frame_number - 1 - lag(camera_frame_number) OVER (
               PARTITION BY camera ORDER BY frame_id)) AS skipped
    FROM inspections_raw
    WHERE (since IS NULL OR (date >= since::TIMESTAMP::DATE AND recorded_at >= since::TIMESTAMP))
      AND (until IS NULL OR (date <= until::TIMESTAMP::DATE AND recorded_at < until::TIMESTAMP))),
losses AS (
    SELECT noticed_at AS moment, camera, 'lost' AS verdict, lost, first_frame_number AS number, 0 AS skipped
    FROM gaps
    WHERE reason <> 'line_count' AND (since IS NULL OR (date >= since::TIMESTAMP::DATE AND recorded_at >= since::TIMESTAMP))
      AND (until IS NULL OR (date <= until::TIMESTAMP::DATE AND recorded_at < until::TIMESTAMP)))
FROM frames UNION ALL FROM losses;

-- Does the count close? In stretches of `shift_hours` (the first of the day begins at `first_hour`, UTC) and
-- camera by camera: triggers = PASS + FAIL + INVALID + lost, held against the camera's own frame numbers.
-- Where nothing counts (files that another machine drops), nobody can say: `closes` is NULL.
-- `shift_closure` says the same for the station's own shifts.
CREATE MACRO closure(since := NULL, until := NULL, shift_hours := 8, first_hour := 6) AS TABLE
SELECT time_bucket(to_hours(shift_hours), moment, to_hours(first_hour)) AS shift,  -- begins at
       camera,                                                -- name of the camera
       (count(*) FILTER (verdict <> 'lost') + sum(lost))::BIGINT AS triggers,  -- the sum of the next four
       count(*) FILTER (verdict = 'PASS') AS passed,          -- PASS
       count(*) FILTER (verdict = 'FAIL') AS failed,          -- FAIL
       count(*) FILTER (verdict = 'INVALID') AS invalid,      -- INVALID
       sum(lost)::BIGINT AS lost,                             -- known to be lost: rows of gaps
       CASE WHEN count(number) > 0 THEN coalesce(sum(skipped), 0)::BIGINT END
           AS numbers_skipped,                                -- missing in the camera's own numbers; null without any
       numbers_skipped <= sum(lost) AS closes,                -- nothing is missing that no row tells of; null: no counter
       CASE WHEN count(number) > 0 THEN 'camera' ELSE 'no counter' END
           AS counted_by                                      -- what counts the exposures: camera, or no counter
FROM exposures(since, until) GROUP BY shift, camera;

-- `closure()` over the whole log, in stretches of eight hours from 06:00 UTC.
CREATE VIEW count_closure AS SELECT * FROM closure();

-- Does the count close? By the station's own shifts (station.shifts) and camera by camera, as `closure`. A frame
-- counts for the shift of its exposure, a loss for the one in which it was noticed.
CREATE VIEW shift_closure AS
SELECT shift_day(moment) AS day,                              -- the local day on which the shift began
       shift_of(moment) AS shift,                             -- its name; null: outside of all shifts
       camera,                                                -- name of the camera
       (count(*) FILTER (verdict <> 'lost') + sum(lost))::BIGINT AS triggers,  -- the sum of the next four
       count(*) FILTER (verdict = 'PASS') AS passed,          -- PASS
       count(*) FILTER (verdict = 'FAIL') AS failed,          -- FAIL
       count(*) FILTER (verdict = 'INVALID') AS invalid,      -- INVALID
       sum(lost)::BIGINT AS lost,                             -- known to be lost: rows of gaps
       CASE WHEN count(number) > 0 THEN coalesce(sum(skipped), 0)::BIGINT END
           AS numbers_skipped,                                -- missing in the camera's own numbers; null without any
       numbers_skipped <= sum(lost) AS closes,                -- nothing is missing that no row tells of; null: no counter
       CASE WHEN count(number) > 0 THEN 'camera' ELSE 'no counter' END
           AS counted_by                                      -- what counts the exposures: camera, or no counter
FROM exposures() GROUP BY day, shift, camera;

-- What another threshold would have said of the same scores: verdict counts as stored and at `t`. With NULL,
-- each row is judged again at the threshold it was judged by, which gives the stored verdicts exactly.
CREATE MACRO threshold_replay(t, since := NULL, until := NULL) AS TABLE
WITH counted AS (
    SELECT count(*) FILTER (verdict = 'PASS') AS passed, count(*) FILTER (verdict = 'FAIL') AS failed,
           count(*) FILTER (verdict = 'INVALID') AS invalid,
           count(*) FILTER (verdict <> 'INVALID' AND score >= coalesce(t::DOUBLE, threshold)) AS fails
    FROM inspections_raw
    WHERE (since IS NULL OR (date >= since::TIMESTAMP::DATE AND recorded_at >= since::TIMESTAMP))
      AND (until IS NULL OR (date <= until::TIMESTAMP::DATE AND recorded_at < until::TIMESTAMP))),
kinds AS (
    SELECT unnest([{verdict: 'PASS', stored: passed, replayed: passed + failed - fails},
                   {verdict: 'FAIL', stored: failed, replayed: fails},
                   {verdict: 'INVALID', stored: invalid, replayed: invalid}], recursive := true) FROM counted)
SELECT verdict,                                               -- PASS, FAIL, INVALID
       stored,                                                -- as it was
       replayed,                                              -- at t
       replayed - stored AS change                            -- how many more
FROM kinds;

-- Every part whose verdict another threshold would have turned over, with its label if it has one.
CREATE MACRO flips(t, since := NULL, until := NULL) AS TABLE
SELECT frame_id,                                              -- the inspection
       part_id,                                               -- its part
       recorded_at,                                           -- when
       score,                                                 -- 0..1, higher is worse
       threshold,                                             -- it was judged by
       verdict,                                               -- as it was
       CASE WHEN score >= t::DOUBLE THEN 'FAIL' ELSE 'PASS' END AS replayed,  -- at t
       label,                                                 -- the label in effect
       CASE WHEN label NOT IN ('good', 'defect') OR label IS NULL THEN NULL
            WHEN (label = 'defect') = (score >= t::DOUBLE) THEN 'mended'
            WHEN label = 'defect' THEN 'escape' ELSE 'overkill' END AS becomes  -- mended, escape, overkill
FROM inspections
WHERE verdict <> 'INVALID' AND (score >= t::DOUBLE) <> (verdict = 'FAIL')
  AND (since IS NULL OR (date >= since::TIMESTAMP::DATE AND recorded_at >= since::TIMESTAMP))
  AND (until IS NULL OR (date <= until::TIMESTAMP::DATE AND recorded_at < until::TIMESTAMP));
