"""HL7 version 2: whose a study is, as order messages."""
