"""Weights in other projects' layouts, as trees of this one."""
