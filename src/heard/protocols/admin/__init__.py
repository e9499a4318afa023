"""The admin API: an operator's programs and console see and steer one organization's orders, stores and parties."""
