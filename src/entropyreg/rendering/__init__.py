"""Tables, figures and the report, drawn from what was collected."""
