"""From predictions to records, from records to collected tables, and the published numbers beside them."""
