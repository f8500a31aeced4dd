"""Timetables for rows that must not overlap."""
