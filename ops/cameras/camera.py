#!/usr/bin/python3
"""A synthetic RTSP camera: H.264 and AAC, a clock burnt into the picture. For tests and for the demonstration.

Needs Debian's packages gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's plugins (see ops/ci/install); run it with
the system's python3. Prints one line, the port, when it is ready.
"""

import argparse
import sys
import time

try:
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
except (ImportError, ValueError) as error:
    sys.exit(f"a synthetic camera needs python3-gi and gir1.2-gst-rtsp-server-1.0: {error}")

NEEDED = ["videotestsrc", "clockoverlay", "x264enc", "audiotestsrc", "voaacenc", "rtph264pay", "rtpmp4gpay"]

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("--port", default="0")
options.add_argument("--path", default="/live")
options.add_argument("--user", default="")
options.add_argument("--password-file", default="")
options.add_argument("--title", default="")
options.add_argument("--pattern", default="ball")
options.add_argument("--gop", type=int, default=15, help="frames from key frame to key frame")
options.add_argument("--silent", action="store_true")
options.add_argument("--no-audio", action="store_true")
options.add_argument("--frozen", action="store_true", help="the picture never changes")
options.add_argument("--light-clock", action="store_true", help="the brightness says the time: see light()")
options = options.parse_args()

RATE = 15
# The brightness goes through LIGHTS levels, one each LIGHT_SECONDS: machines read the time of capture off it.
LIGHTS, LIGHT_SECONDS = 50, 0.1


def light(now):
    """The grey level of a moment: 20 + 4 n, for the n-th tenth of a second of a period of five."""
    return 20 + 4 * (int(now / LIGHT_SECONDS) % LIGHTS)


def description():
    source = f"videotestsrc name=source is-live=true pattern={'solid-color' if options.light_clock else options.pattern}"
    size = f"video/x-raw,width=640,height=360,framerate={RATE}/1"
    clock = "" if options.frozen or options.light_clock else (
        '! clockoverlay time-format="%Y-%m-%d %H:%M:%S" font-desc="Sans 14" halignment=left valignment=bottom '
    )
    title = f'! textoverlay text="{options.title}" font-desc="Noto Sans CJK SC 14" valignment=top ' if options.title else ""
    video = (
        f"{source} ! {size} {clock}{title}! videoconvert ! video/x-raw,format=I420 "
        f"! x264enc tune=zerolatency speed-preset=ultrafast bitrate=300 key-int-max={options.gop} bframes=0 "
        "! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=1"
    )
    if options.no_audio:
        return f"( {video} )"
    wave = "wave=silence" if options.silent else "wave=sine freq=440 volume=0.2"
    audio = (
        f"audiotestsrc is-live=true {wave} ! audio/x-raw,rate=44100,channels=1 ! voaacenc bitrate=32000 "
        "! rtpmp4gpay name=pay1 pt=97"
    )
    return f"( {video} {audio} )"


def configure(_factory, media):
    if not options.light_clock:
        return
    source = media.get_element().get_by_name("source")

    def on_frame(_pad, _info):
        level = light(time.time())
        source.set_property("foreground-color", 0xFF000000 | level << 16 | level << 8 | level)
        return Gst.PadProbeReturn.OK

    source.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, on_frame)


def with_login(server, factory):
    with open(options.password_file, encoding="utf-8") as file:
        password = file.read().strip()
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(2)  # Digest
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "watcher")
    auth.add_digest(options.user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("watcher", "media.factory.access", True)
    permissions.add_permission_for_role("watcher", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    Gst.init(None)
    missing = [name for name in NEEDED if not Gst.ElementFactory.find(name)]
    if missing:
        sys.exit(f"a synthetic camera needs GStreamer's elements {', '.join(missing)}: install gstreamer1.0-plugins-*")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(description())
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    if options.user:
        with_login(server, factory)
    server.get_mount_points().add_factory(options.path, factory)
    if server.attach(None) == 0:
        sys.exit(f"port {options.port} cannot be listened on")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
