"""The console: pages for people who see and steer a hub, served by the hub itself below /console."""
