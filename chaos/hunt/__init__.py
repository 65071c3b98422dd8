"""Looking for mistakes: broken peers that ought to be caught, and false alarms that ought not."""
