module tailstack/tools/chart

go 1.26.6

require tailscale.com v1.102.3
