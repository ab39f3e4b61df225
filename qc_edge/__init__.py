"""qc_edge: a single-node edge appliance for visual quality control.

Read `qc_edge.station.daemon` once and you know the program; `docs/decisions/` says why it is so.
"""

import os

# OpenCV reads these once, when it is first imported: no image file may make it allocate more
# pixels than this, whatever its header claims. 2 ** 28 pixels are 16 k x 16 k.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))
