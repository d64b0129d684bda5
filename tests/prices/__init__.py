"""Forecasts against what really leaves the disk."""
