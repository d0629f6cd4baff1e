"""Routes, a module for each page or resource."""
