module tailstack/tools/chart-1.100

go 1.26.6

require tailscale.com v1.100.0
