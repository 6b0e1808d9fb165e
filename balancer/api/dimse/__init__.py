"""UPS over DIMSE (PS3.4, Annex CC; PS3.7): what UPS-RS does, by DICOM's own protocol, with the same services behind."""
