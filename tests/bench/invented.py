"""What a generated row holds: one SQL expression for each column that is not the same in every row.

Shifts of 16 hours, two cameras, about 3 % defective parts, 1 % refused frames, 1 % labels. Scores
are logistic with normal spread, as those of the reference model; one change of threshold and one of
model.
"""

from __future__ import annotations

import hashlib

HOURS_A_DAY = 16
FIRST_HOUR = 6

MACROS = (
    # Uniform in [0, 1), and normal, from a row's number and the number of a draw.
    "CREATE OR REPLACE TEMP MACRO u(i, k) AS (hash(i * 64 + k) >> 11)::DOUBLE / 9007199254740992.0",
    (
        "CREATE OR REPLACE TEMP MACRO normal(i, k) AS sqrt(-2 * ln(1 - u(i, k))) * cos(2 * pi() * "
        "u(i, k + 1))"
    ),
    (
        "CREATE OR REPLACE TEMP MACRO stamp(moment, source) AS strftime(moment, '%Y%m%dT%H%M%S%fZ-') "
        "|| source"
    ),
    # The pixels' digest of one row: looks and compresses like a sha256, costs a tenth.
    (
        "CREATE OR REPLACE TEMP MACRO digest(i, k) AS "
        "printf('%016x%016x%016x%016x', hash(i, k), hash(i, k + 1), hash(i, k + 2), hash(i, k + 3))"
    ),
)

DRAWS = """
SELECT i, moment, epoch, i % 2 = 0 AS left_hand, defective, refusal,
       CASE WHEN refusal IS NULL
            THEN (1 / (1 + exp(-(CASE WHEN defective THEN 3.2 + 1.5 * normal(i, 10)
                                      ELSE -4.5 + 1.4 * normal(i, 10) END))))::FLOAT::DOUBLE END AS score,
       CASE WHEN epoch = 1 THEN 0.45 ELSE 0.5 END AS threshold,
       14 + 3 * abs(normal(i, 20)) + CASE WHEN u(i, 22) < 0.001 THEN 60 * u(i, 23) ELSE 0 END AS age
FROM (SELECT i, epoch, u(i, 1) < 0.03 AS defective,
             moment + to_microseconds((interval_us * (i - $first + 0.4 * u(i, 3)))::BIGINT) AS moment,
             CASE WHEN u(i, 2) >= 0.012 THEN NULL
                  ELSE ['low_focus', 'low_focus', 'low_focus', 'too_bright', 'too_dark', 'out_of_frame',
                        'torn_file'][1 + (7 * u(i, 4))::INTEGER % 7] END AS refusal
      FROM range($first, $last) AS numbers(i),
           (SELECT $hour::TIMESTAMP AS moment, 3.6e9 / $per_hour AS interval_us, $epoch::INTEGER AS epoch))
"""
"""The draws of one hour, rows `first` to `last`: everything that several columns share."""

REFERENCE_SHA256 = {
    version: hashlib.sha256(f"reference {version}".encode()).hexdigest() for version in "12"
}

INSPECTION = {
    "frame_id": "stamp(moment, CASE WHEN left_hand THEN 'left' ELSE 'right' END)",
    "recorded_at": "moment + to_microseconds((age * 1000)::BIGINT)",
    "part_id": "CASE WHEN left_hand THEN 'left-' ELSE 'right-' END || (i // 2 + 1)",
    "part_source": "'counter'",
    "lot": "'L' || strftime(moment, '%y%j') || (i // 20000) % 10",
    "camera": "CASE WHEN left_hand THEN 'left' ELSE 'right' END",
    "camera_serial": "CASE WHEN left_hand THEN '40012345' ELSE '40012346' END",
    "camera_frame_number": "i // 2 + 1",
    "camera_timestamp": "epoch_us(moment) * 1000 % 1000000000000",
    "captured_at": "moment",
    "monotonic_ns": "epoch_us(moment) * 1000 % 100000000000000",
    "boot_id": "'5f0c2a52-6c1f-4f0e-9a55-' || strftime(moment, '%Y%m%d') || '0000'",
    "clock_trusted": "true",
    "simulated": "true",
    "pixel_format": "'Mono8'",
    "width": "1280",
    "height": "1024",
    "bit_depth": "8",
    "exposure_us": "900.0",
    "gain_db": "0.0",
    "verdict": "CASE WHEN refusal IS NOT NULL THEN 'INVALID' "
    "WHEN score >= threshold THEN 'FAIL' ELSE 'PASS' END",
    "disposition": "CASE WHEN refusal IS NOT NULL OR age > 70 THEN 'HOLD' "
    "WHEN score >= threshold THEN 'REJECT' ELSE 'ACCEPT' END",
    "reason": "coalesce(refusal, CASE WHEN score >= threshold THEN 'score_reaches_threshold' "
    "ELSE 'score_below_threshold' END)",
    "detail": "CASE WHEN refusal IS NOT NULL THEN 'refused: ' || refusal ELSE "
    "format('score {:.4f} {} threshold {:g}', score, "
    "CASE WHEN score >= threshold THEN 'reaches' ELSE 'is below' END, threshold) END",
    "hold_reason": "CASE WHEN refusal IS NULL AND age > 70 THEN 'late' END",
    "needs_review": "refusal IS NOT NULL OR abs(score - threshold) <= 0.1",
    "score": "score",
    "threshold": "threshold",
    "review_band": "0.1",
    "threshold_id": "CASE epoch WHEN 0 THEN 'reference@1:0.5' WHEN 1 THEN 'generated:0.45' "
    "ELSE 'reference@2:0.5' END",
    "raw_path": "strftime(moment, 'evidence/%Y-%m-%d/%H/') || i || '.raw.png'",
    "raw_sha256": "digest(i, 1)",
    "prepared_path": "CASE WHEN refusal IS NULL THEN strftime(moment, 'evidence/%Y-%m-%d/%H/') || "
    "i "
    "|| '.prepared.pgm' END",
    "prepared_sha256": "CASE WHEN refusal IS NULL THEN digest(i, 5) END",
    "map_path": "CASE WHEN score >= threshold - 0.1 THEN strftime(moment, "
    "'evidence/%Y-%m-%d/%H/') || i "
    "|| '.map.png' END",
    "retrieved_at": "moment",
    "exposure_source": "'camera_clock'",
    "map_sha256": "CASE WHEN score >= threshold - 0.1 THEN digest(i, 9) END",
    "preprocess_id": "'gray512-minmax:8a2f6c01'",
    "calibration_id": "'20241230T080000Z-' || CASE WHEN left_hand THEN 'left' ELSE 'right' END",
    "calibration_in_date": "true",
    "model_name": "'reference'",
    "model_version": "CASE WHEN epoch < 2 THEN '1' ELSE '2' END",
    "model_sha256": f"CASE WHEN epoch < 2 THEN '{REFERENCE_SHA256['1']}' ELSE "
    f"'{REFERENCE_SHA256['2']}' END",
    "engine_backend": "'onnx'",
    "engine_version": "'1.23.2'",
    "engine_device": "'cpu'",
    "software_version": "'generated'",
    "settings_digest": f"'{hashlib.sha256(b'generated').hexdigest()}'",
    "focus": "round(CASE refusal WHEN 'low_focus' THEN 20 + 50 * u(i, 30) "
    "ELSE 240 + 25 * normal(i, 30) END, 2)",
    "brightness": "round(CASE refusal WHEN 'too_bright' THEN 215 WHEN 'too_dark' THEN 25 ELSE 118 "
    "END "
    "+ 4 * normal(i, 32), 2)",
    "contrast": "round(48 + 2 * normal(i, 34), 2)",
    "saturated_share": "round(0.002 * u(i, 36), 5)",
    "black_share": "round(0.004 * u(i, 37), 5)",
    "framing_score": "round(CASE refusal WHEN 'out_of_frame' THEN 0.3 ELSE 0.97 END + 0.02 * u(i, "
    "38), 4)",
    "framing_shift_px": "round(CASE refusal WHEN 'out_of_frame' THEN 180 ELSE 6 END * u(i, 39), 2)",
    "wait_ms": "round(0.3 + 0.2 * u(i, 40), 3)",
    "read_ms": "round(1.1 + 0.3 * u(i, 41), 3)",
    "gates_ms": "round(3.2 + 0.4 * u(i, 42), 3)",
    "prepare_ms": "round(1.5 + 0.2 * u(i, 43), 3)",
    "infer_ms": "CASE WHEN refusal IS NULL THEN round(6.8 + u(i, 44), 3) END",
    "evidence_ms": "round(2 + u(i, 45), 3)",
    "age_ms": "round(age, 3)",
}
"""Column -> SQL over the draws; the station's name is added, what is missing is null."""

GAP = {
    "gap_id": "stamp(moment + to_microseconds(7), camera)",
    "recorded_at": "moment + to_microseconds(7)",
    "camera": "camera",
    "noticed_at": "moment + to_microseconds(7)",
    "lost": "1 + (3 * u(i, 51))::BIGINT",
    "reason": "CASE WHEN u(i, 52) < 0.7 THEN 'counter_gap' ELSE 'failed_grab' END",
    "detail": "'generated'",
}
GAP_FROM = (
    "(SELECT i, moment, CASE WHEN left_hand THEN 'left' ELSE 'right' END AS camera FROM draws) "
    "WHERE u(i, 50) < 5e-5"
)

LABEL = {
    "label_id": "stamp(said, 'labels')",
    "recorded_at": "said",
    "frame_id": "frame_id",
    "part_id": "part_id",
    "label": "CASE WHEN defective THEN 'defect' ELSE 'good' END",
    "defect_class": "CASE WHEN defective THEN ['scratch', 'dent', 'stain'][1 + i % 3] END",
    "who": "['anna', 'ben', 'chen'][1 + (i // 7) % 3]",
}
LABEL_FROM = (
    "(SELECT i, defective, frame_id, part_id, recorded_at + to_microseconds((u(i, 61) * date_diff("
    "'microsecond', recorded_at, $hour + INTERVAL 1 HOUR - INTERVAL 1 SECOND))::BIGINT) AS said "
    "FROM rows_inspections JOIN (SELECT i, defective FROM draws) USING (i) "
    "WHERE score IS NOT NULL AND "
    "u(i, 60) < CASE WHEN needs_review OR verdict = 'FAIL' THEN 0.2 ELSE 0.0035 END)"
)
"""Looked at in the same hour: one in five that failed or came near, and a sample of the rest."""

SHADOW = {
    "frame_id": "frame_id",
    "recorded_at": "recorded_at",
    "part_id": "part_id",
    "camera": "camera",
    "score": "least(1.0, score + 0.01)",
    "threshold": "0.5",
    "verdict": "CASE WHEN score + 0.01 >= 0.5 THEN 'FAIL' ELSE 'PASS' END",
    "detail": "''",
    "dropped_before": "0",
    "infer_ms": "5.0",
    "model_name": "'reference'",
    "model_version": "'3'",
    "model_sha256": "sha256('reference 3')",
    "engine_backend": "'onnx-cpu'",
    "engine_version": "'1.23.0'",
    "engine_device": "'invented'",
}
SHADOW_FROM = "(SELECT * FROM rows_inspections WHERE score IS NOT NULL AND u(i, 70) < 0.002)"
"""A shadow that was on for a short while: too few rows to weigh in what a log needs."""

EVENT = {
    "event_id": "stamp($hour::TIMESTAMP + to_microseconds(i), 'station')",
    "recorded_at": "$hour::TIMESTAMP + to_microseconds(i)",
    "kind": "kind",
    "who": "who",
    "detail": "detail",
    "before": "before",
    "after": "after",
    "why": "why",
}
_GIVEN = ("kind", "who", "detail", "before", "after", "why")
EVENT_FROM = (
    "(SELECT unnest(range(1, len($kind) + 1)) AS i, "
    + ", ".join(f"unnest(${name}::VARCHAR[]) AS {name}" for name in _GIVEN)
    + ")"
)

CHANGES = {
    1: (
        "threshold",
        "anna",
        "threshold: 0.5 -> 0.45",
        "reference@1:0.5",
        "generated:0.45",
        "escapes at the customer",
    ),
    2: (
        "model",
        "station",
        "model: reference@1 -> reference@2",
        "reference@1",
        "reference@2",
        None,
    ),
}
"""The event that begins an epoch."""
