"""What was seen of an ensemble: events, their JSON codec, and folds over them."""
