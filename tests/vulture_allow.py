# ruff: noqa: B018, F821
"""What vulture takes for dead and is not, by why it is alive. Never imported, but type-checked."""

from tarfile import TarInfo

from onnxruntime import SessionOptions

from qc_edge.bundles.manifest import Manifest
from qc_edge.camera.removal_watch import RemovalWatch
from qc_edge.discipline.due.calendar import DueKind
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.domain.evidence.deletion import Deletion
from qc_edge.domain.inspection import Gap, Inspection, Label, Part
from qc_edge.domain.label import LabelSource, PersonRole
from qc_edge.domain.parts.told_message import ToldMessage
from qc_edge.inspection.statistics import Latency
from qc_edge.intake.watch import _Emitter, _Handler
from qc_edge.output.handshake.words import ToLine
from qc_edge.output.links.modbus_clients import Server as _ModbusServer
from qc_edge.publish.seal import Seal
from qc_edge.records.receipts import Receipt
from qc_edge.report.part_report import PartReport
from qc_edge.report.pictures import ReportPicture
from qc_edge.retention.judged import PictureState
from qc_edge.settings.discipline.due import DueSettings
from qc_edge.settings.outside.retention import RetentionSettings
from qc_edge.setup.network import NetworkAccess
from qc_edge.station.metrics import MetricsCollector
from qc_edge.station.metrics_server import _Handler as _Scrape
from qc_edge.station.metrics_server import _Server, _Server6, _UnixServer
from qc_edge.station.status import Status
from qc_edge.web.api.shapes import ChangeoverTold, RecipeState, WholePart

calibration: Calibration
deletion: Deletion
retention: RetentionSettings
due: DueSettings
report: PartReport
gap: Gap
label: Label
part: Part
told: ToldMessage
said: ToLine
whole_part: WholePart
recipe_state: RecipeState
changeover: ChangeoverTold
latency: Latency
picture: ReportPicture
receipt: Receipt
manifest: Manifest
session: SessionOptions
row: Inspection
seal: Seal
status: Status
entry: TarInfo

# pylon calls this
RemovalWatch.OnCameraDeviceRemoved

# ONNX Runtime reads these
session.intra_op_num_threads
session.inter_op_num_threads
session.execution_mode
session.log_severity_level

# pymodbus calls this
_ModbusServer.callback_new_connection

# the line reads these
said.reset_done
said.recipe_refused

# watchdog calls these
_Emitter.get_event_mask_from_filter
_Handler.dispatch

# written to the log as whole rows, asked for in SQL
gap.noticed_at
gap.first_frame_number
gap.last_frame_number
label.label_id
part.views_expected
part.views_missing
told.told_id
told.line_lot
row.raw_sha256
row.calibration_in_date
row.model_name
row.model_version
row.model_sha256
row.engine_backend
row.engine_version
row.engine_device
row.engine_plan_sha256
row.read_ms
row.gates_ms
row.prepare_ms
row.infer_ms
row.evidence_ms

# written as whole records, read by people and scripts
calibration.scale_um_per_px
report.software
latency.p50_ms
latency.max_ms
picture.uri
manifest.created
manifest.licence
manifest.training
manifest.approved
manifest.outputs.score_means
manifest.decision.classes
seal.sealed_at
receipt.sent_at
status.pid
status.started_at
status.spool_oldest_s
status.model_sha256
status.model_reason
status.engine_reason
status.recipe_reason
status.recipes_resident

# Prometheus' client and http.server call or read these
MetricsCollector.collect
_Server.timeout
_Server.daemon_threads
_Server.request_queue_size
_Server.block_on_close
_Server.handle_error
_Server6.address_family
_UnixServer.address_family
_Scrape.timeout

# tarfile writes this
entry.mtime

NetworkAccess.OPEN, NetworkAccess.CLOSED  # chosen by its value on the command line

# chosen by their value, at a command line and in a file
PersonRole.OPERATOR
PersonRole.REVIEWER
PersonRole.ENGINEER
PersonRole.QUALITY
LabelSource.AUDIT
LabelSource.CHALLENGE
LabelSource.IMPORT
EvidenceClass.RAW
EvidenceClass.PREPARED
EvidenceClass.MAP

# the words of the SQL that says them
PictureState.UNREVIEWED_FAIL
PictureState.UNSYNCED
PictureState.THINNED
PictureState.FOR_EVER

# read by the name of their class
retention.pass_days
retention.pass_every
retention.fail_days
retention.fail_every
retention.invalid_days
retention.invalid_every
retention.near_threshold_days
retention.near_threshold_every
retention.reviewed_days
retention.reviewed_every
retention.audit_days
retention.audit_every

# columns of rows that SQL and whoever asks read
deletion.deletion_id
deletion.retention_class

# read by the name of their kind
DueKind.SIGNING_KEY
DueKind.OTHER
due.challenge_part
due.signing_key

# a program that asks the API reads these
whole_part.read_from
recipe_state.last_request
recipe_state.last_outcome
changeover.asked_by
changeover.decided_at
