"""What schedules and sensors may ask for: what is pending, and neither running nor failed."""
