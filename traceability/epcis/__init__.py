"""The standard: EPCIS 2.0 and CBV 2.0 documents, vocabulary, validation and the event hash ID."""
