"""Desired against actual: the requests sensor, retries, drift, schedules."""
