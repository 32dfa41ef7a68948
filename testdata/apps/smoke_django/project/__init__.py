"""A Django project for gowsgi smoke, as production has it: DEBUG is off, so Django logs no traceback anywhere."""
