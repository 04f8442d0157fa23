"""PRESENTATION: values as documents, figures and sentences. Nothing here prints."""
