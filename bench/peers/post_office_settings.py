"""Django's settings of the django-post_office peer: the package alone, on PostgreSQL, with SMTP without TLS."""

from __future__ import annotations

import os

from sqlalchemy import make_url

SCHEMA = "peer_post_office"

_url = make_url(os.environ["PEER_DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _url.host,
        "PORT": _url.port,
        "NAME": _url.database,
        "USER": _url.username,
        "PASSWORD": _url.password,
        "OPTIONS": {"options": f"-csearch_path={SCHEMA}"},
    }
}
INSTALLED_APPS = ["post_office"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
EMAIL_HOST, _, EMAIL_PORT = os.environ["PEER_SMTP"].rpartition(":")
POST_OFFICE = {
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
    # Half the processor time a mail of batches of 100, the default; 5,000 gain nothing more. Five threads are the
    # default: one or ten gained nothing. A log row for each success takes an eighth more.
    "BATCH_SIZE": 1000,
    "THREADS_PER_PROCESS": 5,
    "LOG_LEVEL": 1,
}
LOGGING = {"version": 1, "loggers": {"post_office": {"handlers": ["null"], "propagate": False}}}
LOGGING["handlers"] = {"null": {"class": "logging.NullHandler"}}
