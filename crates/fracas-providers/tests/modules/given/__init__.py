"""What users write: functions for activities, controls and event handlers."""
