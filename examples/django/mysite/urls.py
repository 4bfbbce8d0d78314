import time

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path


def hello(request):
    return HttpResponse("Hello from Django\n", content_type="text/plain")


def user(request, number):
    return JsonResponse({"id": number, "host": request.get_host()})


def slow(request):
    def lines():
        yield "first\n"
        time.sleep(0.1)
        yield "second\n"

    return StreamingHttpResponse(lines(), content_type="text/plain")


urlpatterns = [path("", hello), path("users/<int:number>", user), path("slow", slow)]
