"""Draws tables, figures and the report from the collected tables."""
