"""The report as one HTML page: report.json and pictures in, bytes out. Knows no store, stage or model."""
