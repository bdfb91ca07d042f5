package words

// What a person reads when something did not work: what it was, and what to do.
var (
	Surprise = text("Something went wrong on our side. Please try again; if it stays, tell your administrator this reference: %s",
		"我们这边出了问题。请重试；如果问题仍然存在，请将此编号告诉您的管理员：%s")
	NotSetUp = text("Deputy is not set up completely. Its administrator finds the details in the log.", "Deputy 尚未完成设置。管理员可在日志中查看详情。")
	NoMemory = text("Deputy's memory does not answer. Please try again in a minute.", "Deputy 的存储没有响应。请一分钟后重试。")

	ConnectFirst   = text("You have to connect your Google account for this first.", "请先连接您的 Google 账号。")
	GoogleSlow     = text("Google was too slow. Please try again.", "Google 响应太慢。请重试。")
	GoogleSilent   = text("Google did not answer as expected. Please try again in a minute.", "Google 没有按预期响应。请一分钟后重试。")
	GoogleDoubts   = text("Google did not take Deputy's word for you just now. Please try again.", "Google 刚才没有接受 Deputy 代您提出的请求。请重试。")
	SetUpBroken    = text("Deputy's own set-up at Google is broken. Its administrator finds the details in the log.", "Deputy 在 Google 的设置有误。管理员可在日志中查看详情。")
	SetUpSeemsSo   = text("Deputy's own set-up at Google seems broken. Please try again later.", "Deputy 在 Google 的设置似乎有误。请稍后重试。")
	PolicyForbids  = text("Your organization's administrator does not allow this app to do that. Ask them to trust it in the Admin console.", "您组织的管理员不允许此应用这样做。请让管理员在管理控制台中将其设为受信任。")
	MembersOnly    = text("This app is for members of its own organization only.", "此应用仅供其所属组织的成员使用。")
	ChatSilent     = text("Google Chat did not answer in time. Please try again.", "Google Chat 没有及时响应。请重试。")
	ChatForbids    = text("Google Chat does not allow you this. Your administrator may have restricted the app or the making of spaces.", "Google Chat 不允许您这样做。管理员可能限制了此应用或创建聊天室。")
	ChatNotSetUp   = text("Deputy is not set up completely at Google: its Chat API configuration is missing. Please tell your administrator.", "Deputy 在 Google 的设置不完整：缺少 Chat API 配置。请告诉您的管理员。")
	SpaceNotFound  = text("Google Chat does not find that space, or does not show it to you.", "Google Chat 找不到该聊天室，或不向您显示。")
	ChatBusy       = text("Google Chat takes no more requests from Deputy for the moment. Please try again in a minute.", "Google Chat 暂时不再接受 Deputy 的请求。请一分钟后重试。")
	ChatRefuses    = text("Google Chat did not accept the request: %s", "Google Chat 没有接受该请求：%s")
	ChatBroken     = text("Google Chat has a fault of its own. Please try again in a minute.", "Google Chat 自身出现故障。请一分钟后重试。")
	NameTaken      = text("A space named %q exists already in your organization. Please choose another name.", "您的组织中已有名为 %q 的聊天室。请换一个名称。")
	NameNeeded     = text("A space needs a name.", "聊天室需要一个名称。")
	NameTooLong    = counted("The name has %d character; Chat allows %d. Please shorten it.", "The name has %d characters; Chat allows %d. Please shorten it.", "名称有 %d 个字符；Chat 最多允许 %d 个。请缩短名称。")
	TooManyPeople  = counted("You named %d person; %d can be added when a space is made.", "You named %d people; %d can be added when a space is made.", "您指定了 %d 人；创建聊天室时最多可添加 %d 人。")
	NothingHere    = text("There is nothing here. Deputy lives in Google Chat: open it there and type /help.", "这里没有内容。Deputy 在 Google Chat 中：请在那里打开它并输入 /help。")
	AddressTwice   = text("The address is not as it was given out: %q stands in it twice. Please go back to Chat and press the button again.", "该网址与发出时不同：其中 %q 出现了两次。请回到 Chat 再按一次按钮。")
	RequestTooLong = text("The request is larger than 1 MiB.", "请求超过了 1 MiB。")
	RequestCut     = text("The request broke off before its end.", "请求在结束前中断了。")
)
