module tailstack/tools/chart-1.104

go 1.26.6

require tailscale.com v1.104.5
