"""VALUES FOR THOSE WHO SHOW THEM: documents, figures and sentences, without any output."""
