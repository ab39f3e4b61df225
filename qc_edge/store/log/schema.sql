-- The traceability log. This file is the schema's only source: the reference page is made from it.
-- Rows are only ever added. A correction is a new row. All times are UTC.
-- Each section is a migration: it runs once, in one transaction, and is never edited once released.

-- migration m001_first_schema

-- One row for one frame: everything needed to reconstruct and defend its verdict.
CREATE TABLE inspections (
    frame_id            VARCHAR NOT NULL,      -- UTC to the microsecond and the camera; sorts by time, never repeats
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    part_id             VARCHAR NOT NULL,      -- the physical piece
    part_source         VARCHAR NOT NULL,      -- where part_id comes from: frame, sidecar, name, counter; none: it brought none and is held; ..._doubtful_sidecar: one was set aside
    lot                 VARCHAR,               -- the batch that the part belongs to, if known
    station             VARCHAR NOT NULL,      -- name of the station
    camera              VARCHAR NOT NULL,      -- the camera in the settings; of another node's frame its sidecar's, else its folder in incoming/, else incoming
    camera_serial       VARCHAR,               -- serial number of the device
    camera_frame_number BIGINT,                -- the camera's own counter; a gap in it is a row in gaps
    camera_timestamp    BIGINT,                -- the camera's own clock (ticks)
    captured_at         TIMESTAMP NOT NULL  ,  -- wall clock at the exposure
    monotonic_ns        BIGINT,                -- CLOCK_MONOTONIC at the exposure (ns), comparable within boot_id
    boot_id             VARCHAR,               -- the kernel's id of the boot
    clock_trusted       BOOLEAN NOT NULL,      -- false: not synchronised, or stepped back
    simulated           BOOLEAN NOT NULL,      -- true: the camera plays images
    original_name       VARCHAR,               -- file name under which another node dropped the frame
    pixel_format        VARCHAR,               -- Mono8, Mono12, BayerRG8, RGB8, or the file's format
    width               INTEGER,               -- pixels
    height              INTEGER,               -- pixels
    bit_depth           INTEGER,               -- bits per sample, 8 to 16
    exposure_us         DOUBLE,                -- exposure time (us)
    gain_db             DOUBLE,                -- analogue gain (dB)
    verdict             VARCHAR NOT NULL,      -- PASS, FAIL, INVALID
    disposition         VARCHAR NOT NULL,      -- what the line was told: ACCEPT, REJECT, HOLD
    reason              VARCHAR NOT NULL,      -- why, as a stable code
    detail              VARCHAR NOT NULL,      -- why, in words with figures
    hold_reason         VARCHAR,               -- why a judged part is held all the same: late, recovered, ...
    needs_review        BOOLEAN NOT NULL,      -- a person should look
    score               DOUBLE,                -- 0..1, higher is worse; null if the model never saw the frame
    threshold           DOUBLE NOT NULL,       -- a score at or above it FAILs
    review_band         DOUBLE NOT NULL,       -- scores this near the threshold need review
    threshold_id        VARCHAR NOT NULL,      -- where the threshold comes from
    raw_path            VARCHAR,               -- evidence: the frame, relative to the station's state
    raw_sha256          VARCHAR,               -- of the pixel bytes as a PNM body holds them
    prepared_path       VARCHAR,               -- evidence: the model's input
    prepared_sha256     VARCHAR,               -- of its pixel bytes
    map_path            VARCHAR,               -- evidence: the defect map, kept for FAIL and near the threshold
    preprocess_id       VARCHAR NOT NULL,      -- name and digest of the preprocessing parameters
    calibration_id      VARCHAR NOT NULL,      -- the calibration in force
    calibration_in_date BOOLEAN NOT NULL,      -- false: past its due date
    model_name          VARCHAR NOT NULL,      -- the bundle
    model_version       VARCHAR NOT NULL,      -- its version
    model_sha256        VARCHAR NOT NULL,      -- digest of the model file
    engine_backend      VARCHAR NOT NULL,      -- what ran the model
    engine_version      VARCHAR NOT NULL,      -- its version
    engine_device       VARCHAR NOT NULL,      -- the processor it ran on
    engine_plan_sha256  VARCHAR,               -- digest of the compiled plan, where there is one
    software_version    VARCHAR NOT NULL,      -- of qc-edge and of the libraries that touch pixels
    settings_digest     VARCHAR NOT NULL,      -- sha256 of the settings in force
    focus               DOUBLE,                -- variance of the 3x3 Laplacian
    brightness          DOUBLE,                -- mean grey level, 0..255
    contrast            DOUBLE,                -- spread of the grey levels, 0..255
    saturated_share     DOUBLE,                -- share of pixels at 255
    black_share         DOUBLE,                -- share of pixels at 0
    framing_score       DOUBLE,                -- correlation with the calibration's reference, -1..1
    framing_shift_px    DOUBLE,                -- distance from where the part belongs (pixels of the frame)
    wait_ms             DOUBLE,                -- arrival to start of work
    read_ms             DOUBLE,                -- reading and verifying
    gates_ms            DOUBLE,                -- gate figures
    prepare_ms          DOUBLE,                -- preprocessing
    infer_ms            DOUBLE,                -- the model
    evidence_ms         DOUBLE,                -- keeping the evidence
    age_ms              DOUBLE,                -- exposure to decision
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- Frames that were triggered and never came. triggers = PASS + FAIL + INVALID + lost.
CREATE TABLE gaps (
    gap_id              VARCHAR NOT NULL,      -- like a frame id: when it was noticed, on which camera
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    camera              VARCHAR NOT NULL,      -- name of the camera
    camera_serial       VARCHAR,               -- serial number of the device
    noticed_at          TIMESTAMP NOT NULL  ,  -- wall clock when the loss was noticed
    lost                BIGINT NOT NULL,       -- how many frames
    reason              VARCHAR NOT NULL,      -- failed_grab, counter_gap, torn, no_answer, disk_low, spool_*, damaged_row
    detail              VARCHAR NOT NULL,      -- what the camera or the disk said
    first_frame_number  BIGINT,                -- the camera's own number of the first one lost
    last_frame_number   BIGINT,                -- the last of them
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- What changed or happened that can alter a verdict or explain one.
CREATE TABLE events (
    event_id            VARCHAR NOT NULL,      -- like a frame id: when, and which part of the station
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    kind                VARCHAR NOT NULL,      -- started, stopped, settings, calibration, camera_lost, ...
    who                 VARCHAR NOT NULL,      -- a person, or the part of the station that noticed
    detail              VARCHAR NOT NULL,      -- in words
    before              VARCHAR,               -- the value before a change
    after               VARCHAR,               -- the value after it
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- migration m002_labels

-- What a person says of the part in a frame, after looking. The newest label of a frame is in effect.
CREATE TABLE labels (
    label_id            VARCHAR NOT NULL,      -- like a frame id: when the person said so
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    frame_id            VARCHAR NOT NULL,      -- the inspection that was judged
    part_id             VARCHAR NOT NULL,      -- its part
    label               VARCHAR NOT NULL,      -- good, defect
    defect_class        VARCHAR,               -- what kind of defect
    who                 VARCHAR NOT NULL,      -- the person
    why                 VARCHAR,               -- the reason given
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- the reason that a person gave for a change
ALTER TABLE events ADD COLUMN why VARCHAR;

-- migration m003_map_digest

-- of the defect map's pixel bytes; null in rows of earlier versions
ALTER TABLE inspections ADD COLUMN map_sha256 VARCHAR;

-- migration m004_shadow_scores

-- What a second bundle, which runs as the shadow, says of frames that were judged; it changes no verdict.
CREATE TABLE shadow_scores (
    frame_id            VARCHAR NOT NULL,      -- the inspection
    recorded_at         TIMESTAMP NOT NULL  ,  -- when the shadow scored it, after the line was told
    station             VARCHAR NOT NULL,      -- name of the station
    part_id             VARCHAR NOT NULL,      -- its part
    camera              VARCHAR NOT NULL,      -- its camera
    score               DOUBLE,                -- 0..1, higher is worse; null if the shadow's model failed
    threshold           DOUBLE NOT NULL,       -- the shadow's own: a score at or above it would FAIL
    verdict             VARCHAR,               -- what it would have been: PASS, FAIL
    detail              VARCHAR NOT NULL,      -- why there is no score; empty if there is one
    dropped_before      BIGINT NOT NULL,       -- frames it was not asked about since its row before, to not hold up the line
    infer_ms            DOUBLE,                -- the shadow's model, on its own nicer thread
    model_name          VARCHAR NOT NULL,      -- the shadow's bundle
    model_version       VARCHAR NOT NULL,      -- its version
    model_sha256        VARCHAR NOT NULL,      -- digest of its model file
    engine_backend      VARCHAR NOT NULL,      -- what ran it
    engine_version      VARCHAR NOT NULL,      -- its version
    engine_device       VARCHAR NOT NULL,      -- the processor it ran on
    engine_plan_sha256  VARCHAR,               -- digest of the compiled plan, where there is one
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- migration m005_exposure

-- when the camera's driver handed the frame over, or the dropped file was taken; null in rows of earlier versions
ALTER TABLE inspections ADD COLUMN retrieved_at TIMESTAMP;
-- where captured_at comes from: camera_clock, arrival, earliest, node_clock, file_time, unknown; null in earlier rows
ALTER TABLE inspections ADD COLUMN exposure_source VARCHAR;

-- migration m006_records

-- the file that the event puts in force, relative to the station's state: a threshold, an activation, a calibration, ...
ALTER TABLE events ADD COLUMN record VARCHAR;
-- sha256 of that file's bytes; of a bundle: of its manifest, which holds the digests of its files; null in earlier rows
ALTER TABLE events ADD COLUMN record_sha256 VARCHAR;

-- migration m007_views

-- the [[view]] of the settings or the recipe that the frame is of; null where there is none, and in earlier rows
ALTER TABLE inspections ADD COLUMN view VARCHAR;
-- the recipe in force, as NAME@REVISION; null where there is none, and in earlier rows
ALTER TABLE inspections ADD COLUMN recipe VARCHAR;

-- migration m008_classes

-- the score of each class (0..1) as JSON, {"good":0.02,"scratch":0.98}; null where the model has no classes, and in earlier rows
ALTER TABLE inspections ADD COLUMN class_scores VARCHAR;
-- of a FAIL: the class that the model takes the defect for; null where it has none, and in earlier rows
ALTER TABLE inspections ADD COLUMN predicted_class VARCHAR;

-- migration m009_judgements

-- as whom the person spoke: operator, reviewer, engineer, quality; null in earlier rows
ALTER TABLE labels ADD COLUMN role VARCHAR;
-- what brought the person to it: review, dispute, audit, challenge, import; null in earlier rows
ALTER TABLE labels ADD COLUMN source VARCHAR;
-- when the person said so, by the clock of the box; recorded_at is when the station took it up
ALTER TABLE labels ADD COLUMN said_at TIMESTAMP;
-- where the defects are, in pixels of the raw frame: a JSON list of boxes, polygons and masks
ALTER TABLE labels ADD COLUMN regions VARCHAR;
-- sha256 of the pixels of the raw frame that the person saw; null if none was shown
ALTER TABLE labels ADD COLUMN seen_sha256 VARCHAR;
-- how long the person took over it (s)
ALTER TABLE labels ADD COLUMN took_s DOUBLE;
-- true: a second opinion, given without sight of the first
ALTER TABLE labels ADD COLUMN blind BOOLEAN;
-- the record that it came in; no two rows have the same
ALTER TABLE labels ADD COLUMN record_id VARCHAR;
-- the highest value of the model's defect map, 0..1; null in earlier rows and without a map
ALTER TABLE inspections ADD COLUMN map_max DOUBLE;

-- migration m010_parts

-- One row for one attempt at a part that several views see: what the line was told of it. A station without [[view]]
-- has none: there each inspection is a part.
CREATE TABLE parts (
    attempt_id          VARCHAR NOT NULL,      -- the frame_id of its first view; the inspections of its views have the same
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    part_id             VARCHAR NOT NULL,      -- the physical piece
    part_source         VARCHAR NOT NULL,      -- where part_id comes from: frame, sidecar, name, counter, none
    attempt             INTEGER NOT NULL,      -- 1, or more for a part that was seen before (rework), as far as the station remembers
    lot                 VARCHAR,               -- the batch that the part belongs to, if known
    station             VARCHAR NOT NULL,      -- name of the station
    recipe              VARCHAR,               -- the recipe in force, as NAME@REVISION
    captured_at         TIMESTAMP NOT NULL  ,  -- wall clock at the earliest exposure of its views
    views_expected      VARCHAR NOT NULL,      -- names of the views that it was to have, with blanks between
    views_seen          VARCHAR NOT NULL,      -- names of those that came in time
    views_missing       VARCHAR,               -- names of the required ones that did not; null: none
    frames              VARCHAR NOT NULL,      -- frame_id of each view seen, in the same order
    rule                VARCHAR NOT NULL,      -- how the views were judged together: worst; k_of_n K; weighted LIMIT VIEW=WEIGHT ...
    disposition         VARCHAR NOT NULL,      -- what the line was told: ACCEPT, REJECT, HOLD
    reason              VARCHAR NOT NULL,      -- why, as a stable code
    detail              VARCHAR NOT NULL,      -- why, in words, view by view
    score               DOUBLE,                -- weighted mean of the scores; null by another rule, and where held
    age_ms              DOUBLE,                -- earliest exposure to decision
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);
-- the part that the frame is a view of (parts.attempt_id); null where the frame is the part, and in earlier rows
ALTER TABLE inspections ADD COLUMN attempt_id VARCHAR;

-- migration m012_told

-- What an output told its line of a part, and what became of it; one more row where the line confirms that the part is
-- out of the way, or does not. A station without [[output]] has none.
CREATE TABLE told (
    told_id             VARCHAR NOT NULL,      -- like a frame id: when this was put on record, and by which output
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    output              VARCHAR NOT NULL,      -- the [[output]] of the settings
    sequence            INTEGER,               -- the number that the line gave the part, or the station; null: it has none
    frame_id            VARCHAR,               -- the part: frame_id of its inspection, or attempt_id; null: none came in time
    part_id             VARCHAR,               -- its part_id
    line_part_id        VARCHAR,               -- the id that the line gave with the trigger, if any
    line_lot            VARCHAR,               -- the batch that the line gave with the trigger, if any
    disposition         VARCHAR,               -- what the line was told: ACCEPT, REJECT, HOLD; null: it was not told
    reason              VARCHAR,               -- why, as a stable code
    reason_number       INTEGER,               -- the same as the number that the line reads
    outcome             VARCHAR NOT NULL,      -- acknowledged, unacknowledged, shown, untold; of an ejection: ejected, unconfirmed, passed
    detail              VARCHAR NOT NULL,      -- in words, where there is more to say
    told_at             TIMESTAMP,             -- since when the line could read it; null: it could not
    age_ms              DOUBLE,                -- exposure to told_at; null where one of them is not known
    ended_at            TIMESTAMP NOT NULL  ,  -- when it was acknowledged, confirmed or given up
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- migration m013_challenges

-- The register of challenge parts: physical parts of which it is known what they are. The newest row of a serial and
-- recipe counts; nothing is taken back.
CREATE TABLE challenge_parts (
    entry_id            VARCHAR NOT NULL,      -- like a frame id: when the entry was taken up
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    recipe              VARCHAR NOT NULL,      -- the recipe that it is for, without its revision; empty: a station without recipes
    serial              VARCHAR NOT NULL,      -- what is written on the part
    expected            VARCHAR NOT NULL,      -- what the station must say of it: PASS, FAIL, INVALID
    expected_class      VARCHAR,               -- and the class, where the model has some; null: any
    part_id             VARCHAR NOT NULL,      -- the id by which it is recognised when it is shown
    photograph          VARCHAR,               -- a picture of it, relative to the station's state
    photograph_sha256   VARCHAR,               -- of that file's bytes
    certified_by        VARCHAR NOT NULL,      -- who says what it is
    valid_until         TIMESTAMP NOT NULL,    -- from then on it proves nothing
    max_uses            INTEGER,               -- so often it may be shown; null: no limit
    uses_before         INTEGER NOT NULL,      -- how often it had been shown when it came into the register
    retired             BOOLEAN NOT NULL,      -- true: not of the set any more
    who                 VARCHAR NOT NULL,      -- who made the entry
    role                VARCHAR NOT NULL,      -- as whom: engineer, quality
    why                 VARCHAR,               -- the reason given
    record_id           VARCHAR NOT NULL,      -- the record that it came in; no two rows have the same
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- Challenge parts that were shown, and what the station said of them. Their inspections have the hold_reason challenge.
CREATE TABLE challenge_results (
    result_id           VARCHAR NOT NULL,      -- like a frame id: when this was put on record
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    challenge_id        VARCHAR NOT NULL,      -- the challenge that it was shown in
    recipe              VARCHAR NOT NULL,      -- the recipe in force, without its revision; empty: none
    serial              VARCHAR NOT NULL,      -- the part (challenge_parts)
    frame_id            VARCHAR NOT NULL,      -- its inspection, or the attempt_id of its views
    part_id             VARCHAR NOT NULL,      -- the id that its frames have
    captured_at         TIMESTAMP NOT NULL  ,  -- wall clock at the exposure
    expected            VARCHAR NOT NULL,      -- what the station must say of it
    expected_class      VARCHAR,               -- and the class; null: any
    verdict             VARCHAR NOT NULL,      -- what it said: PASS, FAIL, INVALID
    found_class         VARCHAR,               -- the class that it took the defect for
    score               DOUBLE,                -- 0..1, higher is worse; the highest of its views
    threshold           DOUBLE NOT NULL,       -- at or above it FAILs
    outcome             VARCHAR NOT NULL,      -- caught, missed; of no weight: twice, other_recipe, expired, worn, not_counted
    detail              VARCHAR NOT NULL,      -- in words
    uses                INTEGER NOT NULL,      -- how often the part has been shown, this time among them
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- How each challenge ended: one that passed proves that the station catches what it must.
CREATE TABLE challenges (
    challenge_id        VARCHAR NOT NULL,      -- like a frame id: when it began
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made: when it ended
    station             VARCHAR NOT NULL,      -- name of the station
    recipe              VARCHAR NOT NULL,      -- the recipe in force, without its revision; empty: none
    due                 VARCHAR NOT NULL,      -- why it was due, in words
    began_at            TIMESTAMP NOT NULL  ,  -- what was exposed before is no part of it
    outcome             VARCHAR NOT NULL,      -- passed, failed, given_up, overridden
    detail              VARCHAR NOT NULL,      -- in words, with the parts that were missed
    parts               INTEGER NOT NULL,      -- parts of the set
    missed              INTEGER NOT NULL,      -- of which the station did not say what they are
    in_force            VARCHAR NOT NULL,      -- what judged: changeover, models and thresholds, in words
    who                 VARCHAR NOT NULL,      -- the person who began or overrode it; station: nobody in particular
    role                VARCHAR,               -- as whom, of an override
    why                 VARCHAR,               -- the reason given
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- migration m014_retention

-- What is to be kept whatever the rules say, and when that ends: one row for each word of a person, or of a check that
-- held many parts at once. Of an entry every column among frame_id, part_id, lot, camera, since and until that is not
-- null has to fit an inspection. An inspection is held while an entry `hold` fits it that no later `release` takes back.
CREATE TABLE holds (
    entry_id            VARCHAR NOT NULL,      -- of the record that it came in; no two rows have the same
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    action              VARCHAR NOT NULL,      -- hold, release
    hold_id             VARCHAR,               -- the hold that the entry is of; of a release, null: of all that fit
    frame_id            VARCHAR,               -- only this inspection
    part_id             VARCHAR,               -- only this part
    lot                 VARCHAR,               -- only this lot; what comes later of it is held, too
    camera              VARCHAR,               -- only this camera
    since               TIMESTAMP,             -- only what was exposed at this time or later
    until               TIMESTAMP,             -- only what was exposed before it
    cause               VARCHAR NOT NULL,      -- what brought it: person, suspect_window, complaint, ...
    who                 VARCHAR NOT NULL,      -- the person, or the part of the station that noticed
    role                VARCHAR NOT NULL,      -- as whom the person spoke: operator, reviewer, engineer, quality
    why                 VARCHAR NOT NULL,      -- the reason given
    said_at             TIMESTAMP NOT NULL  ,  -- when, by the clock of the box; recorded_at is when the station took it up
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- Pictures that were deleted by a rule of [retention]: one row for those of an inspection that go at once, durable
-- before the first of them is gone. The inspection's own row stays.
CREATE TABLE deletions (
    deletion_id         VARCHAR NOT NULL,      -- made of the inspection and the pictures; no two rows have the same
    recorded_at         TIMESTAMP NOT NULL  ,  -- when this row was made
    station             VARCHAR NOT NULL,      -- name of the station
    frame_id            VARCHAR NOT NULL,      -- the inspection
    part_id             VARCHAR NOT NULL,      -- its part
    pictures            VARCHAR NOT NULL,      -- which of its pictures, with blanks between: raw, prepared, map
    raw_sha256          VARCHAR,               -- of the frame's pixels, as in the inspection; null: the frame was not deleted
    prepared_sha256     VARCHAR,               -- of the prepared input's pixels
    map_sha256          VARCHAR,               -- of the defect map's pixels
    bytes               BIGINT NOT NULL,       -- what they took on the disk
    retention_class     VARCHAR NOT NULL,      -- as what the rules saw it: pass, fail, invalid, near_threshold, reviewed, audit
    rule                VARCHAR NOT NULL,      -- the rule of the settings, in its words
    chain_seq           BIGINT NOT NULL,       -- position in the station's one chain of rows
    chain_hash          VARCHAR NOT NULL       -- sha256 over the previous hash and this row
);

-- migration m015_line_counts

-- true: the number `sequence` is over with this row, and it has no other such row; null in earlier rows
ALTER TABLE told ADD COLUMN closes BOOLEAN;
