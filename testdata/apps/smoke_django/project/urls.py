"""Views and their URLs."""

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import path


def index(request):
    return HttpResponse("Hello from Django")


def form(request):
    if request.method == "POST":
        return JsonResponse({"name": request.POST["name"]})
    return HttpResponse(get_token(request))


def fault(request):
    raise RuntimeError("a fault in a view")


urlpatterns = [path("", index), path("form/", form), path("fault/", fault)]
