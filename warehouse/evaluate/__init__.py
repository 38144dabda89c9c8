"""Walk-forward proof of retrieval: skill over the calibrated geometric null, baselines, and controls."""
