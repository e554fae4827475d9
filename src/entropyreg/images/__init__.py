"""Paper B's image experiments: data, models, training, prediction. Most modules need torch."""
