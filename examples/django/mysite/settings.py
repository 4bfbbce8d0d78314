import os

# Weir's edge knows the hosts; it passes on no others.
ALLOWED_HOSTS = ["*"]
DEBUG = os.environ.get("VERCEL_ENV") == "development"
SECRET_KEY = os.environ.get("SECRET_KEY", "only for trying it out")
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "mysite.urls"
WSGI_APPLICATION = "mysite.wsgi.application"
