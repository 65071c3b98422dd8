"""Drivers: one module for each system under test."""
