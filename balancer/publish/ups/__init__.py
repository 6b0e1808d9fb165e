"""Workitems of DICOM's Unified Procedure Step: PS3.4 Annex CC, and how PS3.18 and PS3.19 write them. Pure."""

from __future__ import annotations

from pydicom import config

# pydicom warns of a value that is not as its VR says, and puts the value into the warning: a patient's number would
# stand in a log. What comes from outside is looked at by json_model, before pydicom sees it.
config.settings.reading_validation_mode = config.IGNORE
config.settings.writing_validation_mode = config.IGNORE
